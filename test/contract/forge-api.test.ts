// What core/ports/forge-api.ts promises, of GitHub, against the fake.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { ForgeRepository } from "../../ci-server/core/ports.ts";
import { createGithubApi } from "../../ci-server/forges/github/api.ts";
import { FakeGithub, type PullHandle } from "../fakes/github/server.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const { signal } = new AbortController();

describe("GitHub's API", () => {
  let folder: string;
  let github: FakeGithub;
  let forge: ForgeRepository;
  let pull: PullHandle;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "forge-api-"));
    github = await FakeGithub.start(folder);
    const repository = await github.addRepository("acme/shop", { "a.txt": "a\n" });
    repository.people.set("admin", "admin");
    const token = github.giveToken("admin");
    const api = createGithubApi({ authorizationOf: () => async () => `Bearer ${token}` });
    const given = exampleRepository({ url: github.cloneUrl("acme/shop") });
    forge = api.of(given) as ForgeRepository; // it has an access
    const commits = [{ files: { "a.txt": "b\n" }, message: "Change it" }] as const;
    pull = await github.openPullRequest("acme/shop", { branch: "change", commits });
    await pull.merge("squash");
  });
  after(async () => {
    await github.stop();
    await rm(folder, { recursive: true });
  });

  it("takes the status of a commit", async () => {
    const sha = pull.mergedSha ?? "";
    const status = { sha, context: "ci/mergedock/shop", description: "queued", url: null };
    await forge.setStatus({ ...status, state: "pending" }, signal);
    await forge.setStatus({ ...status, state: "success", url: "http://localhost/builds/1" }, signal);
    const told = github.repository("acme/shop").statuses.get(sha);
    expect(told?.map(({ state, target_url }) => [state, target_url])).to.deep.equal([
      ["pending", null],
      ["success", "http://localhost/builds/1"],
    ]);
  });

  it("takes a comment, finds it again, and changes it in place", async () => {
    const id = await forge.putComment({ pullRequest: pull.number, text: "one <!-- mark -->" }, null, signal);
    expect(await forge.findComment(pull.number, "<!-- mark -->", signal)).to.equal(id);
    expect(await forge.putComment({ pullRequest: pull.number, text: "two" }, id, signal)).to.equal(id);
    expect([...github.repository("acme/shop").comments.values()].map(({ body }) => body)).to.deep.equal(["two"]);
  });

  it("makes a hook, changes it, and lists what it sent", async () => {
    const settings = { url: "http://127.0.0.1:9/webhooks/github", secret: "s".repeat(20), events: ["pull_request"] };
    const hook = await forge.hooks.create(settings, signal);
    expect(await forge.hooks.list(signal)).to.deep.equal([hook]);
    expect(hook).to.include({ contentType: "json", isActive: true, verifiesTls: true });
    const changed = await forge.hooks.update(hook.id, { ...settings, events: ["pull_request", "push"] }, signal);
    expect(changed.events).to.deep.equal(["pull_request", "push"]);
  });
});
