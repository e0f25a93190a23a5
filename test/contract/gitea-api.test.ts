// What core/ports/forge-api.ts promises, of Gitea and Forgejo, against the fake.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { ForgeRepository, StatusState } from "../../ci-server/core/ports.ts";
import { giteaApiUrl } from "../../ci-server/forges/gitea/api.ts";
import { FakeGitea } from "../fakes/gitea/server.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { fails } from "../helpers/failure.ts";
import { forgetfulGitea } from "../helpers/forgetful-gitea.ts";
import { listen } from "../helpers/listener.ts";
import { describeForgeApi } from "./forge-api-suite.ts";
import type { ForgeWorld, Who } from "./forge-api-world.ts";

const { signal } = new AbortController();
const people = { ourselves: "owner", octocat: "write", stranger: "read" } as const;

interface GiteaWorld extends ForgeWorld {
  readonly gitea: FakeGitea;
  readonly tokenFile: string;
}

async function startWorld(): Promise<GiteaWorld> {
  const folder = await mkdtemp(join(tmpdir(), "gitea-api-"));
  const gitea = await FakeGitea.start(join(folder, "forge"));
  const repository = await gitea.addRepository("acme/shop", { "a.txt": "a\n" });
  for (const [login, may] of Object.entries(people)) repository.people.set(login, may);
  const commits = [{ files: { "a.txt": "b\n" }, message: "Change it" }] as const;
  const pull = await gitea.openPullRequest(repository, { branch: "change", commits });
  const tokens: Record<Who, string> = {
    owner: gitea.giveToken("ourselves"),
    lacking: gitea.giveToken("ourselves", ["read:issue"]),
    refused: "0123456789abcdef0123456789abcdef01234567",
  };
  for (const [who, token] of Object.entries(tokens)) await writeFile(join(folder, who), `${token}\n`);
  const { hooks, statuses, comments } = repository;
  return {
    ...{
      gitea,
      tokenFile: join(folder, "owner"),
      sha: pull.headSha,
      pullRequest: pull.number,
      lacks: "[read:repository]",
    },
    open: (who = "owner", name = "acme/shop") => open(gitea, join(folder, who), name),
    secrets: () => Object.values(tokens),
    statuses: () =>
      statuses.map(({ state, target_url, context, description }) => ({
        ...{ context, description, url: target_url === "" ? null : target_url },
        state: state as StatusState, // what was set, by the port
      })),
    comments: () => [...comments.values()].map(({ id, body: text }) => ({ id: String(id), text })),
    addComment: (login, text) => {
      const id = gitea.state.nextId();
      comments.set(id, { id, pullRequest: pull.number, login, body: text });
      return String(id);
    },
    removeComment: (id) => void comments.delete(Number(id)),
    checks: () => [],
    sendEvent: async () => void (await pull.merge()),
    hookSecret: (id) => hooks.get(Number(id))?.config.secret ?? null,
    answerNext: (answer) => {
      gitea.state.next = answer;
    },
    asked: () => gitea.state.asked.length,
    stop: async () => {
      await gitea.stop();
      await rm(folder, { recursive: true });
    },
  };
}

function open(gitea: FakeGitea, tokenFile: string, name: string): ForgeRepository {
  const url = `${gitea.url}/${name}.git`;
  const given = exampleRepository({ name, url, forge: { name: "gitea", apiUrl: null, tokenFile } });
  return forgetfulGitea().of(given) as ForgeRepository; // it has a token
}

describeForgeApi("Gitea's API", startWorld);

describe("Gitea's API, in its own ways", () => {
  let world: GiteaWorld;
  before(async () => {
    world = await startWorld();
  });
  after(() => world.stop());

  const hookOf = (id: string) => world.gitea.state.repositories.get("acme/shop")?.hooks.get(Number(id));
  const settings = { url: "http://127.0.0.1:9/webhooks/gitea", secret: "s".repeat(20) };

  it("has a hook send merges and no labels or reviews, and comments where these are asked for", async () => {
    const { hooks } = world.open();
    const { id, events } = await hooks.create({ ...settings, events: ["pull_request", "issue_comment"] }, signal);
    expect(hookOf(id)?.events).to.have.members(["pull_request", "pull_request_comment"]);
    expect(events).to.have.members(["pull_request", "issue_comment"]);
    await hooks.remove(id, signal);
  });

  it("tests a hook that wants no pushes, and leaves it as it was", async () => {
    const { hooks } = world.open();
    const { id } = await hooks.create({ ...settings, events: ["pull_request"] }, signal);
    const made = hookOf(id);
    if (made === undefined) throw new Error("the fake has no such hook");
    const every = ["pull_request", "pull_request_label", "pull_request_review", "release"];
    made.events = every;
    made.branchFilter = "release/*";
    await hooks.ping(id, signal);
    while (made.deliveries.length === 0) await new Promise(setImmediate);
    expect(made.deliveries.map(({ event }) => event)).to.deep.equal(["push"]);
    expect(made.events).to.have.members(every);
    expect(made.branchFilter).to.equal("release/*");
    await hooks.remove(id, signal);
  });

  it("lists more hooks than one answer holds", async () => {
    const { hooks } = world.open();
    const one = { active: true, branchFilter: "*", events: ["push"], deliveries: [] };
    const ids = Array.from({ length: 53 }, () => world.gitea.state.nextId());
    const known = world.gitea.state.repositories.get("acme/shop")?.hooks;
    for (const id of ids) known?.set(id, { id, ...one, config: { ...settings, content_type: "json" } });
    expect((await hooks.list(signal)).map(({ id }) => Number(id))).to.deep.equal(ids);
    known?.clear();
  });

  it("is none of a repository on another forge, nor of one without a token", () => {
    const api = forgetfulGitea();
    const forge = { name: "gitea", apiUrl: null, tokenFile: null } as const;
    const access = { kind: "token", tokenFile: "token", username: "git" } as const;
    expect(api.of(exampleRepository({ access }))).to.equal(null);
    expect(api.of(exampleRepository({ forge }))).to.equal(null);
    expect(api.of(exampleRepository({ forge, access }))?.name).to.equal("acme/shop");
  });

  it("is below the repository's host, or where the configuration says", () => {
    const forge = { name: "gitea", apiUrl: null, tokenFile: null } as const;
    const urlOf = (url: string) => giteaApiUrl({ url, forge });
    expect(urlOf("https://git.acme.test:3000/acme/shop.git")).to.equal("https://git.acme.test:3000/api/v1");
    expect(urlOf("ssh://git@git.acme.test:2222/acme/shop.git")).to.equal("https://git.acme.test/api/v1");
    const apiUrl = "https://acme.test/git/api/v1";
    expect(giteaApiUrl({ url: "https://acme.test/x.git", forge: { ...forge, apiUrl } })).to.equal(apiUrl);
  });

  it("ends its list of hooks, though the server has a full page for each question", async () => {
    const config = { url: "https://ci.test/", content_type: "json" };
    const page = Array.from({ length: 50 }, (_none, id) => ({ id, active: true, events: ["push"], config }));
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      // So that a list without an end fails and does not go on.
      response.writeHead(asked > 100 ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(page));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // of a TCP listener
    const forge = { name: "gitea", apiUrl: null, tokenFile: world.tokenFile } as const;
    const given = exampleRepository({ name: "acme/shop", url: `http://127.0.0.1:${port}/acme/shop.git`, forge });
    const hooks = await forgetfulGitea().of(given)?.hooks.list(signal);
    expect(hooks).to.have.length(page.length);
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  it("repeats no secret that the forge repeats, and follows no redirect with its token", async () => {
    const elsewhere = await listen();
    const answers = [
      { status: 422, body: { message: `taken: ${settings.secret}, ${world.secrets()[0]}` }, headers: {} },
      { status: 307, body: {}, headers: { location: `${elsewhere.url}/api/v1/` } },
    ];
    for (const answer of answers) {
      world.gitea.state.next = answer;
      const work = world.open().hooks.create({ ...settings, events: ["push"] }, signal);
      const words =
        answer.status === 422 ? "taken: ***, ***" : `a redirect to ${elsewhere.url}/api/v1/: it is not followed`;
      await fails(work, "invalid", words);
    }
    expect(elsewhere.hits).to.deep.equal([]);
    await elsewhere.close();
  });

  it("repeats no part of a secret where the forge says too much", async () => {
    const message = `${"x".repeat(290)}${settings.secret}`;
    world.gitea.state.next = { status: 422, body: { message }, headers: {} };
    const asked = world.open().hooks.create({ ...settings, events: ["push"] }, signal);
    const told = await asked.catch(({ message: words }) => String(words));
    expect(told).to.contain("xxx").and.not.contain("sss");
  });

  it("sends no token in clear", async () => {
    const elsewhere = await listen();
    // Another name of this machine than those of its loopback.
    const url = `${elsewhere.url.replace("127.0.0.1", "0.0.0.0")}/acme/shop.git`;
    const forge = { name: "gitea", apiUrl: null, tokenFile: world.tokenFile } as const;
    const asked = forgetfulGitea().of(exampleRepository({ url, forge }));
    await fails(Promise.resolve(asked?.hooks.list(signal)), "invalid", "a token is not sent in clear");
    expect(elsewhere.credentials).to.deep.equal([]);
    await elsewhere.close();
  });

  it("reads no answer without an end", async () => {
    world.gitea.state.next = { status: 200, body: "x".repeat(17 * 1024 * 1024) };
    await fails(world.open().hooks.list(signal), "invalid", "answered with more than 16777216 bytes");
  });

  it("names the file of a token that cannot be read", async () => {
    const forge = open(world.gitea, "/nowhere/token", "acme/shop");
    await fails(forge.hooks.list(signal), "unauthorized", "api.token_file: /nowhere/token cannot be read (ENOENT)");
  });
});
