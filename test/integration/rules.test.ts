// The rules of a repository through the API: what each of them saw, before and after the fetch.

import { expect } from "chai";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { pushOf } from "../../lab/push-delivery.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type MergeOptions, Tester, type Verdict } from "../helpers/tester.ts";

interface Entry {
  readonly verdict: string;
  readonly reason: string;
  readonly rules: readonly { readonly rule: string; readonly passed: boolean; readonly saw: string }[];
  readonly build: number | null;
}

const rules = {
  paths: ["message.txt", "services/**", "!**/*.md"],
  labels: ["image"],
  labels_ignore: ["no-image"],
  drafts: false,
};
const about = { labels: ["image"] };

describe("the rules of a repository", function () {
  this.timeout(60_000);
  let ci: Tester;
  before(async () => {
    ci = await Tester.start({ rules });
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  async function entry(guid: string): Promise<Entry> {
    return (await ci.api(`/deliveries/${guid}`)).json() as Promise<Entry>;
  }

  async function dry(guid: string, change?: Record<string, unknown>): Promise<Entry> {
    const path = `/deliveries/${guid}/replay?dry_run=true`;
    if (change === undefined) return (await ci.api(path, { method: "POST" })).json() as Promise<Entry>;
    const repositories = [{ name: "acme/shop", url: ci.cloneUrl, ...change }];
    return (await ci.post(path, { repositories })).json() as Promise<Entry>;
  }

  it("are all in the trace of a merge that they let through, with what they saw", async () => {
    const { verdict, number } = await ci.merge({ about });
    expect((await ci.finished(verdict.build)).result).to.equal("success");
    const { rules: trace, ...built } = await entry(verdict.delivery);
    expect(built).to.include({ verdict: "build", reason: `pull request #${number} was merged into main` });
    expect(trace.map(({ rule, passed, saw }) => [rule, passed, saw])).to.deep.equal([
      ["event", true, "pull_request"],
      ["action", true, "closed"],
      ["merged", true, "merged: true"],
      ["repository", true, "acme/shop"],
      ["forge", true, "github"],
      ["branch", true, "main"],
      ["draft", true, "draft: false"],
      ["labels", true, "image"],
      ["skip directive", true, "none in title and body"],
      ["paths", true, "1 changed file: message.txt"],
      ["already built", true, "no build of this merge"],
    ]);
  });

  const refused: [string, MergeOptions, string, string, Record<string, unknown>][] = [
    ["a draft", { about: { ...about, draft: true } }, "draft", "draft: true", { drafts: true }],
    ["no label", {}, "labels", "no labels", { labels: [] }],
    ["a label", { about: { labels: ["image", "No-Image"] } }, "labels", "image, No-Image", { labels_ignore: [] }],
    [
      "its title",
      { about, title: "Mend [CI SKIP]" },
      "skip directive",
      "[ci skip] in the title",
      { skip_directives: [] },
    ],
    [
      "its body",
      { about: { ...about, body: "no image, please\n[skip ci]" } },
      "skip directive",
      "[skip ci] in the body",
      { skip_directives: ["[other]"] },
    ],
  ];
  for (const [what, options, rule, saw, change] of refused) {
    it(`skip a merge for ${what}, and a dry run tells that a changed configuration would build it`, async () => {
      const { verdict } = await ci.merge(options);
      expect(verdict).to.include({ verdict: "skip", build: null });
      const { rules: trace } = await entry(verdict.delivery);
      expect(trace.at(-1)).to.deep.equal({ rule, passed: false, saw });
      expect(await dry(verdict.delivery)).to.include({ verdict: "skip" });
      expect(await dry(verdict.delivery, { ...rules, ...change })).to.include({ verdict: "build", build: null });
    });
  }

  it("end a build without an image when no changed file matches the paths, and the ledger says so", async () => {
    const files = { "docs/a.md": "a", "services/README.md": "r" };
    const { verdict } = await ci.merge({ files, about, method: "squash" });
    expect(verdict.verdict).to.equal("build");
    const build = await ci.finished(verdict.build);
    const saw = "2 changed files: docs/a.md, services/README.md";
    const reason = `no changed file matches the paths message.txt, services/**, !**/*.md; it was ${saw}`;
    expect(build).to.deep.include({ result: "skip", failure: null, images: [], skipReason: reason });
    expect(build.stages.map(({ name }) => name)).to.deep.equal(["queued", "fetch", "plan"]);
    expect(build.log.trimEnd().split("\n").at(-1)).to.equal(`plan   skip: ${reason}`);
    const skipped = await entry(verdict.delivery);
    expect(skipped).to.include({ verdict: "skip", reason, build: verdict.build });
    const at = skipped.rules.map(({ rule }) => rule).indexOf("paths");
    expect(skipped.rules.slice(at)).to.deep.equal([
      { rule: "paths", passed: false, saw },
      { rule: "already built", passed: true, saw: "no build of this merge" },
    ]);
    const listed = (await (await ci.api("/deliveries?verdict=skip&limit=1")).json()) as {
      deliveries: { guid: string }[];
    };
    expect(listed.deliveries[0]?.guid).to.equal(verdict.delivery);
    const replayed = await ci.api(`/deliveries/${verdict.delivery}/replay`, { method: "POST" });
    expect([replayed.status, ((await replayed.json()) as Entry).verdict]).to.deep.equal([200, "skip"]);
  });

  it("are tried in a dry run on the files that the merge has changed, once they are known", async () => {
    const { verdict } = await ci.merge({ files: { "docs/b.md": "b" }, about });
    await ci.finished(verdict.build);
    const before = await Promise.all(["build", "delivery"].map((table) => ci.countRows(table)));
    expect((await dry(verdict.delivery)).rules.at(-1)).to.deep.equal({
      ...{ rule: "paths", passed: false, saw: "1 changed file: docs/b.md" },
    });
    const changed = await dry(verdict.delivery, { paths: ["docs/**"] });
    expect(changed.rules.at(-3)).to.deep.equal({ rule: "paths", passed: true, saw: "1 changed file: docs/b.md" });
    // The build was skipped before it was planned: what its images are is not known.
    const images = {
      rule: "images",
      passed: true,
      saw: "judged after the fetch: the paths of the images in the commit's .mergedock.yml",
    };
    expect(changed.rules.at(-2)).to.deep.equal(images);
    expect(changed.rules.at(-1)).to.include({ rule: "already built", passed: false });
    expect((await dry(verdict.delivery, {})).rules.map(({ rule }) => rule)).to.not.include("paths");
    const unknown = await ci.merge({ files: { "docs/c.md": "c" } });
    const saw = "judged after the fetch: docs/**";
    const untold = await dry(unknown.verdict.delivery, { paths: ["docs/**"] });
    expect(untold.rules.slice(-3, -1)).to.deep.equal([{ rule: "paths", passed: true, saw }, images]);
    expect(await Promise.all(["build", "delivery"].map((table) => ci.countRows(table)))).to.deep.equal([
      before[0],
      (before[1] ?? 0) + 1,
    ]);
  });

  it("see every file of a rebase, though its last commit alone matches nothing", async () => {
    const commits = [
      { files: { "services/a": "a" }, message: "Add a" },
      { files: { "docs/d.md": "d" }, message: "Add d" },
    ] as const;
    const pullRequest = await ci.repository.openPullRequest({ branch: "rebased", number: 900, commits });
    const merge = await pullRequest.merge("rebase");
    const forge = { repository: ci.repository, cloneUrl: ci.cloneUrl };
    const payload = closedPullRequest({ ...forge, pullRequest, merge, about });
    const verdict = JSON.parse((await ci.deliver({ payload })).body) as Verdict;
    const build = await ci.finished(verdict.build);
    expect(build).to.deep.include({ result: "success", changedFiles: ["docs/d.md", "services/a"] });
  });

  it("do not ask for paths where an image is asked for by hand", async () => {
    const response = await ci.post("/images", { service: "shop", version: `rules-${Date.now()}`, type: "docker" });
    const build = await ci.finished(((await response.json()) as { build: number }).build);
    expect(build).to.deep.include({ result: "success", merge: null, changedFiles: null, skipReason: null });
  });

  it("show the changed files on a build's own page and not in lists", async () => {
    const { builds } = (await (await ci.api("/builds?limit=100")).json()) as { builds: Record<string, unknown>[] };
    expect(builds.some(({ merge }) => merge !== null)).to.equal(true);
    expect(builds.filter((build) => "changedFiles" in build)).to.deep.equal([]);
  });

  for (const first of ["push", "pull_request"] as const) {
    it(`make one build of a merge that is announced by push and pull_request, ${first} first`, async () => {
      const branch = "main";
      const before = await ci.repository.resolve(branch);
      const { pullRequest, merge } = await ci.mergeQuietly({ message: `${first} first`, method: "squash" });
      const forge = { repository: ci.repository, cloneUrl: ci.cloneUrl };
      const builds = await ci.countRows("build");
      const pull = { event: "pull_request", payload: closedPullRequest({ ...forge, pullRequest, merge, about }) };
      const push = { event: "push", payload: pushOf({ ...forge, branch, before, merge }) };
      for (const delivery of first === "push" ? [push, pull] : [pull, push]) {
        const { verdict } = JSON.parse((await ci.deliver(delivery)).body) as Verdict;
        expect([delivery.event, verdict]).to.deep.equal([delivery.event, delivery === pull ? "build" : "skip"]);
      }
      expect(await ci.countRows("build")).to.equal(builds + 1);
    });
  }

  it("T4: make no build of a pull request's body under the name of a push, nor of a push under the name of a pull request", async () => {
    const before = await ci.repository.resolve("main");
    const { pullRequest, merge } = await ci.mergeQuietly();
    const forge = { repository: ci.repository, cloneUrl: ci.cloneUrl };
    const builds = await ci.countRows("build");
    await ci.deliver({ event: "push", payload: closedPullRequest({ ...forge, pullRequest, merge, about }) });
    await ci.deliver({ event: "pull_request", payload: pushOf({ ...forge, branch: "main", before, merge }) });
    expect(await ci.countRows("build")).to.equal(builds);
  });
});
