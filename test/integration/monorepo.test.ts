// A repository whose own file names several images: which of them a merge builds, in which order, and what is said of the others.

import { expect } from "chai";
import type { Files } from "../../lab/sample-commit.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { useLab } from "../helpers/lab.ts";
import { processes } from "../helpers/processes.ts";
import { type FinishedBuild, type MergeOptions, Tester } from "../helpers/tester.ts";

/** One that prints what its own file says. */
function dockerfile(...steps: string[]): string {
  return ["FROM scratch", "COPY busybox /bin/busybox", ...steps, 'CMD ["/bin/busybox", "cat", "/text"]', ""].join("\n");
}

/** Runs until it is stopped. */
function endless(words: string): string {
  return dockerfile(`RUN ["/bin/busybox", "sh", "-c", "echo ${words} && exec /bin/busybox sleep 3600"]`);
}

/** Of this run alone: a version is never moved. */
const version = `1.0.${Date.now()}`;

describe("a repository of several images", function () {
  this.timeout(90_000);
  let ci: Tester;
  let busybox: Files[string];
  before(() => useLab());
  beforeEach(async () => {
    ci = await Tester.start({ rules: { concurrency: null } });
    busybox = (await (await import("../../lab/sample-app.ts")).sampleApp({ message: "" })).busybox ?? "";
  });
  afterEach(async () => {
    await removeImages(ci.lab);
    await ci.stop();
  });

  /** Puts it on main before anything is merged. */
  async function start(recipes: string, files: Files): Promise<void> {
    await ci.repository.commit({ files: { ".mergedock.yml": recipes, ...files }, message: "Begin" });
  }

  function folder(name: string, text = name): Files {
    const Dockerfile = dockerfile(`COPY text /text`);
    return { [`${name}/Dockerfile`]: Dockerfile, [`${name}/busybox`]: busybox ?? "", [`${name}/text`]: `${text}\n` };
  }

  async function build(options: MergeOptions): Promise<FinishedBuild> {
    const { verdict } = await ci.merge(options);
    return ci.finished(verdict.build);
  }

  async function request(body: object): Promise<FinishedBuild> {
    const response = await ci.post("/images", { version, type: "docker", ...body });
    expect(response.status).to.equal(202);
    return ci.finished(((await response.json()) as { build: number }).build);
  }

  function made(finished: FinishedBuild): string[] {
    expect(finished.result, finished.log).to.equal("success");
    return finished.images.map(({ reference }) => reference.split("@")[0]?.split("/").slice(1).join("/") ?? "");
  }

  const two = `images:
  - { service: cart, context: cart, paths: ["cart/**"] }
  - { service: web, context: web, paths: ["web/**", "!**/*.md"] }
`;

  it("builds what the merge touched, tells which files missed the others, and skips where all were missed", async () => {
    await start(two, { ...folder("cart"), ...folder("web") });
    const first = await build({ files: { "cart/text": "new cart\n" } });
    expect(made(first)).to.deep.equal(["acme/shop/cart"]);
    expect(await ci.run(first.images[0]?.reference ?? "")).to.equal("new cart\n");
    const missed = "no changed file matches its paths web/**, !**/*.md; it was 1 changed file: cart/text";
    expect(first.plan).to.deep.equal([
      { service: "cart", verdict: "build", reason: "1 changed file: cart/text" },
      { service: "web", verdict: "skip", reason: missed },
    ]);
    expect(first.log).to.contain(`plan   web: skip: ${missed}\n`);
    const both = await build({ files: { "cart/text": "c\n", "web/text": "w\n" } });
    expect(made(both)).to.deep.equal(["acme/shop/cart", "acme/shop/web"]);

    const { verdict } = await ci.merge({ files: { "web/README.md": "r", "docs/a.md": "a" } });
    const docs = await ci.finished(verdict.build);
    const reason =
      "no changed file matches the paths of any image (cart, web); it was 2 changed files: docs/a.md, web/README.md";
    expect(docs).to.deep.include({ result: "skip", failure: null, images: [], skipReason: reason });
    expect(docs.plan?.map(({ verdict: one }) => one)).to.deep.equal(["skip", "skip"]);
    const delivery = (await (await ci.api(`/deliveries/${verdict.delivery}`)).json()) as Record<string, unknown>;
    expect(delivery).to.deep.include({ verdict: "skip", reason });
    expect((delivery.rules as { rule: string }[]).slice(-2)).to.deep.equal([
      { rule: "images", passed: false, saw: "to build: none; as they were: cart, web" },
      { rule: "already built", passed: true, saw: "no build of this merge" },
    ]);
    const dryRun = async (body?: object) => {
      const path = `/deliveries/${verdict.delivery}/replay?dry_run=true`;
      const answer = await (body === undefined ? ci.api(path, { method: "POST" }) : ci.post(path, body));
      return (await answer.json()) as { verdict: string; reason: string; rules: { rule: string; saw: string }[] };
    };
    const again = await dryRun();
    expect(again).to.include({ verdict: "skip", reason });
    expect(again.rules.at(-1)?.saw).to.equal(
      `as build ${docs.id} was planned, to build: none; as they were: cart, web`,
    );
    const services = [
      { name: "cart", paths: ["docs/**"] },
      { name: "web", paths: ["web/**", "!**/*.md"] },
    ];
    const changed = await dryRun({ repositories: [{ name: "acme/shop", url: ci.cloneUrl, services }] });
    expect(changed.rules.at(-2)).to.deep.include({ rule: "images", saw: "to build: cart; as they were: web" });
    const listed = (await (await ci.api("/builds")).json()) as { builds: object[] };
    expect(listed.builds.some((one) => "plan" in one)).to.equal(false);
  });

  it("builds by hand the service that is asked for, and says which there are", async () => {
    await start(two, { ...folder("cart"), ...folder("web") });
    const web = await request({ service: "acme/shop/web" });
    expect(made(web)).to.deep.equal(["acme/shop/web"]);
    expect(web.images[0]?.tags).to.include(version);
    // It was built before: its own name is enough from now on.
    expect(made(await request({ service: "web", version: `${version}1` }))).to.deep.equal(["acme/shop/web"]);
    const none = await request({ service: "acme/shop/none" });
    const message = 'acme/shop has no service "none" in this commit; it has: cart, web';
    expect(none).to.include({ result: "failure" });
    expect(none.failure).to.include({ code: "not_found", message });
    expect(none.stages.at(-1)).to.include({ name: "plan", result: "failure" });
    const unknown = await ci.post("/images", { service: "cart", version: "1", type: "docker" });
    expect([unknown.status, await unknown.text()].join())
      .to.contain("404")
      .and.to.contain("shop (of acme/shop), or one that its .mergedock.yml names, as acme/shop/<service>");
  });

  it("fails with every mistake of the file, each with its place, in the log too", async () => {
    const lines = [
      ".mergedock.yml:2:5: images[0].service: has to be lower-case letters and digits, joined by single . _ -",
      '.mergedock.yml:3:15: images[0].secrets[0]: the server has no secret "key" for acme/shop; it has: none',
    ];
    const finished = await build({ files: { ".mergedock.yml": "images:\n  - service: Cart\n    secrets: [key]\n" } });
    expect(finished.failure).to.include({ code: "invalid", kind: "recipe", message: lines.join("\n") });
    expect(finished.stages.at(-1)).to.include({ name: "plan", result: "failure" });
    expect(finished.log).to.contain(lines.map((line) => `plan   ${line}\n`).join(""));
  });

  it("builds all images for a merge that superseded others, since nobody knows what those changed", async () => {
    await start(`${two}concurrency: supersede\n`, { ...folder("cart"), ...folder("web") });
    await build({ files: { "cart/text": "known from here on\n" } });
    const running = await ci.merge({ files: { "web/Dockerfile": endless("the first has begun") } });
    await ci.logged(running.verdict.build, "has begun\n");
    const waiting = (await ci.merge({ files: { "cart/text": "cart of the superseded\n" } })).verdict.build;
    const newest = (await ci.merge({ files: { "web/Dockerfile": folder("web")["web/Dockerfile"] ?? "" } })).verdict
      .build;
    expect(await ci.build(waiting)).to.deep.include({ result: "cancellation" });
    await ci.api(`/builds/${running.verdict.build}/cancel`, { method: "POST" });
    const finished = await ci.finished(newest);
    expect(made(finished)).to.deep.equal(["acme/shop/cart", "acme/shop/web"]);
    expect(await ci.run(finished.images[0]?.reference ?? "")).to.equal("cart of the superseded\n");
    const reason = `it is not known what the build ${waiting} that was superseded changed`;
    expect(finished.plan?.map((one) => one.reason)).to.deep.equal([reason, reason]);
  });

  it("T15: fails at once where the file is a link", async () => {
    await ci.repository.commit({ files: {}, links: { ".mergedock.yml": "/dev/zero" }, message: "Link" });
    const linked = await build({});
    const message = ".mergedock.yml is a link; it has to be a regular file";
    expect(linked).to.include({ result: "failure" });
    expect(linked.failure).to.include({ code: "invalid", kind: "recipe", message });
    expect(linked.stages.find(({ name }) => name === "plan")?.ms).to.be.lessThan(1_000);
    const large = await build({ files: { ".mergedock.yml": `# ${"x".repeat(64 * 1024)}\n` } });
    expect(large.failure?.message).to.equal(".mergedock.yml has 65539 bytes; it may have 65536 at most");
  });

  const needing = `images:
  - { service: web, context: web, paths: ["web/**"], needs: [base] }
  - { service: base, context: base, paths: ["base/**"] }
`;
  const onBase = {
    "web/Dockerfile":
      'ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY more /more\nCMD ["/bin/busybox", "cat", "/text", "/more"]\n',
  };

  it("builds an image after the one that it is FROM, and on the one that the branch has where that was not touched", async () => {
    await start(needing, { ...folder("base", "first base"), ...onBase, "web/more": "first web\n" });
    const printed = ({ images }: FinishedBuild) => ci.run(images.at(-1)?.reference ?? "");
    // The branch has no image of base yet.
    const first = await build({ files: { "web/more": "web 1\n" } });
    expect(made(first)).to.deep.equal(["acme/shop/base", "acme/shop/web"]);
    expect(await printed(first)).to.equal("first base\nweb 1\n");
    // An engine that has lost it, or never had it: another worker's.
    await removeImages(ci.lab);
    const second = await build({ files: { "web/more": "web 2\n" } });
    expect(made(second)).to.deep.equal(["acme/shop/web"]);
    expect(second.log).to.contain(`pulling the base image ${first.images[0]?.reference}`);
    expect(await printed(second)).to.equal("first base\nweb 2\n");
    const third = await build({ files: { "base/text": "base 3\n" } });
    expect(made(third)).to.deep.equal(["acme/shop/base", "acme/shop/web"]);
    expect(await printed(third)).to.equal("base 3\nweb 2\n");
    // Built again it is what it was: FROM the base that its commit had.
    const answer = await ci.post(`/builds/${second.id}/rebuild`, { no_cache: true });
    const again = await ci.finished(((await answer.json()) as { build: number }).build);
    expect(made(again)).to.deep.equal(["acme/shop/web"]);
    expect(await printed(again)).to.equal("first base\nweb 2\n");
    // Base is broken and mended with a merge that touches web alone: what web is FROM is what the commit says.
    const broken = await build({ files: { "base/text": "base 4\n", "base/Dockerfile": "FROM scratch\nRUN no\n" } });
    expect(broken.result).to.equal("failure");
    expect(broken.failure?.message).to.match(/^base: /);
    expect(broken.log).to.contain("after the failure of base, not built: web\n");
    const fifth = await build({ files: { "web/more": "web 5\n" } });
    expect(fifth.failure?.message, fifth.log).to.match(/^base: /);
    expect(fifth.plan?.[1]?.reason).to.contain("web needs it, and this branch has no image of it that is up to date");
  });

  it("makes an image anew when the one that it needs is another one, and takes it as it is when that is the same", async () => {
    const ignored = { "base/.dockerignore": "*.md\n", "web/.dockerignore": "*.md\n" };
    await start(needing, { ...folder("base", `base ${version}`), ...onBase, "web/more": "web\n", ...ignored });
    const first = await build({ files: { "base/text": `first ${version}\n`, "web/more": "more\n" } });
    expect(made(first)).to.deep.equal(["acme/shop/base", "acme/shop/web"]);
    const keys = ({ images }: FinishedBuild) => images.map(({ key }) => key);
    for (const key of keys(first)) expect(key).to.match(/^sha256:/);
    // Base is not touched: what the branch has of it is the same image by another name.
    const untouched = await build({ files: { "web/notes.md": "1" } });
    expect(keys(untouched), untouched.log).to.deep.equal(keys(first).slice(1));
    expect(untouched.images[0]?.reusedFrom).to.equal(first.id);
    // Base is built, and is what it was.
    const same = await build({ files: { "base/notes.md": "2" } });
    expect(keys(same), same.log).to.deep.equal(keys(first));
    expect(same.images.map(({ reusedFrom }) => reusedFrom)).to.deep.equal([first.id, first.id]);
    const other = await build({ files: { "base/text": `other ${version}\n` } });
    expect(other.images.map(({ reusedFrom }) => reusedFrom)).to.deep.equal([null, null]);
    expect(keys(other)[1])
      .to.match(/^sha256:/)
      .and.not.equal(keys(first)[1]);
    expect(await ci.run(other.images[1]?.reference ?? "")).to.equal(`other ${version}\nmore\n`);
  });

  it("builds images that do not need one another at the same time, up to the limit, and ends all of them when it is stopped", async () => {
    const names = ["a", "b", "c"];
    const list = names.map((name) => `  - { service: ${name}, context: ${name} }\n`).join("");
    const files = names.map((name) => ({ ...folder(name), [`${name}/Dockerfile`]: endless(`${name} has begun`) }));
    await start(`images:\n${list}`, Object.assign({}, ...files));
    const { verdict } = await ci.merge();
    // Each of the two goes on until it is stopped: both have begun, so they overlap.
    for (const name of ["a", "b"]) await ci.logged(verdict.build, `${name} has begun\n`);
    const sleeping = async () => (await processes()).filter(({ command }) => command === "/bin/busybox sleep 3600");
    expect(await sleeping()).to.have.length(2);
    expect((await ci.build(verdict.build)).stage).to.equal("build");
    await ci.api(`/builds/${verdict.build}/cancel`, { method: "POST" });
    const stopped = await ci.finished(verdict.build);
    expect(stopped.result).to.equal("cancellation");
    expect(stopped.log).to.not.contain("c has begun");
    while ((await sleeping()).length > 0);
  });

  it("names the service that failed, tells the failure of what ran beside it, and begins nothing more", async () => {
    const list = ["a", "b", "c"].map((name) => `  - { service: ${name}, context: ${name} }\n`).join("");
    const failing = (code: number) => dockerfile(`RUN ["/bin/busybox", "sh", "-c", "exit ${code}"]`);
    await start(`images:\n${list}`, {
      ...{ ...folder("a"), ...folder("b"), ...folder("c") },
      ...{ "a/Dockerfile": failing(3), "b/Dockerfile": failing(4), "c/Dockerfile": endless("c has begun") },
    });
    const { failure, result, log } = await build({});
    expect([result, failure?.code]).to.deep.equal(["failure", "build_failed"]);
    const lines = failure?.message.split("\n") ?? [];
    expect(lines.map((line) => line.slice(0, 3)).sort()).to.deep.equal(["a: ", "b: "]);
    expect(failure?.message).to.contain("exit code: 3").and.to.contain("exit code: 4");
    expect(log)
      .to.match(/after the failure of [ab], not built: c\n/)
      .and.not.contain("c has begun");
    expect(log).to.match(/build {2}a: #\d+/);
  });
});
