// Conversations with a fake GitHub: what a merge's commit and its pull request are told of the build.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { sampleApp } from "../../lab/sample-app.ts";
import type { CheckRecord, CommentRecord, StatusRecord } from "../fakes/github/state.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester } from "../helpers/github-tester.ts";
import type { FinishedBuild } from "../helpers/tester.ts";

const hold = 'RUN ["/bin/busybox", "sh", "-c", "exec /bin/busybox sleep 3600"]';

function dockerfile(...steps: string[]): string {
  return ["FROM scratch", "COPY busybox /bin/busybox", ...steps, "COPY message.txt /message.txt", ""].join("\n");
}

function failing(...words: string[]): string {
  const said = words.map((word) => `echo '${word}'`).join(" && ");
  return dockerfile(`RUN ["/bin/busybox", "sh", "-c", "${said} && exit 3"]`);
}

interface ReportView {
  readonly kind: string;
  readonly state: string;
  readonly attempts: number;
  readonly problem: string | null;
  readonly url: string | null;
}

function conversation(talk: () => GithubTester) {
  const statuses = (sha: string | null): readonly StatusRecord[] => talk().repository.statuses.get(sha ?? "") ?? [];
  const checks = (sha: string | null): readonly CheckRecord[] =>
    [...talk().repository.checks.values()].filter((check) => check.head_sha === sha);
  const comments = (number: number): readonly CommentRecord[] =>
    [...talk().repository.comments.values()].filter((comment) => comment.pullRequest === number);
  const reports = async (id: number) =>
    ((await (await talk().ci.api(`/builds/${id}`)).json()) as { reports: ReportView[] }).reports;
  return {
    statuses,
    checks,
    comments,
    reports,
    /** Of a build that has ended. */
    told: (build: Pick<FinishedBuild, "id">) =>
      talk().until(
        () => reports(build.id),
        (all) => all.length > 0 && all.every(({ state }) => state === "told"),
      ),
    ended: (sha: string | null) =>
      talk().until(
        () => statuses(sha),
        (all) => all.length > 0 && all.at(-1)?.state !== "pending",
      ),
  };
}

describe("what GitHub is told of a merge", function () {
  this.timeout(60_000);
  let talk: GithubTester;
  const { statuses, comments, reports, told, ended } = conversation(() => talk);
  before(async () => {
    talk = await GithubTester.start({
      file: { public_url: "https://ci.example.com/" },
      rules: { concurrency: "supersede" },
    });
  });
  afterEach(async () => {
    talk.github.state.faults.next = null;
    await removeImages(talk.ci.lab);
  });
  after(() => talk.stop());

  /** A commit on main that no pull request brings; the next merges have it. */
  const onMain = async (files: Readonly<Record<string, string>>) =>
    talk.repository.git.commit({ files, message: "Change the ground" });
  const usual = async () => String((await sampleApp({ message: "" })).Dockerfile);

  it("is pending at queueing, then a success that names time, digest and page", async () => {
    const pull = await talk.merge("first words");
    const build = await talk.built(pull);
    await told(build);
    const all = statuses(pull.mergedSha);
    expect(all[0]).to.include({ context: "ci/mergedock", state: "pending" });
    const last = all.filter(({ context }) => context === "ci/mergedock/shop").at(-1);
    expect(last).to.include({ state: "success", target_url: `https://ci.example.com/builds/${build.id}` });
    expect(last?.description).to.match(/^built in \d+\.\d s: sha256:[0-9a-f]{12}…$/);
    expect(last?.description).to.contain(build.images[0]?.digest.slice(0, 19));
    // What was pending under the name of the whole build has ended too.
    expect(all.filter(({ context }) => context === "ci/mergedock").at(-1)).to.include({ state: "success" });
  });

  it("is a comment with digest, tags, size and the command that pulls the image", async () => {
    const pull = await talk.merge("second words");
    const build = await talk.built(pull);
    const [, comment] = await told(build);
    const [{ body, id } = { body: "", id: 0 }, ...others] = comments(pull.number);
    expect(others).to.deep.equal([]);
    const [image] = build.images;
    expect(body).to.contain(`docker pull ${image?.reference}`).and.to.contain(`\`${image?.digest}\``);
    expect(body)
      .to.contain(`\`pr-${pull.number}\``)
      .and.to.match(/ [KM]iB \((?:[+−][\d.]+ (?:bytes|KiB)|as before)\) \| built \|/);
    expect(body).to.contain(`[Build ${build.id}](<https://ci.example.com/builds/${build.id}>)`);
    expect(comment ?? (await reports(build.id)).find(({ kind }) => kind === "comment")).to.include({
      url: `https://github.com/acme/shop/pull/${pull.number}#issuecomment-${id}`,
    });
  });

  it("is one comment for a pull request: a rebuild edits it, and what it reused is said", async () => {
    const pull = await talk.merge("third words");
    const build = await talk.built(pull);
    await told(build);
    const response = await talk.ci.post(`/builds/${build.id}/rebuild`, {});
    const again = await talk.ci.finished(((await response.json()) as { build: number }).build);
    await told(again);
    const [comment, ...others] = comments(pull.number);
    expect(others).to.deep.equal([]);
    expect(comment?.edits).to.be.greaterThan(0);
    expect(comment?.body).to.contain(`Build ${again.id}`).and.to.contain(`reused from build ${build.id}`);
    const last = statuses(pull.mergedSha).at(-1);
    expect(last?.description).to.match(new RegExp(`^reused from build ${build.id} in .* s: sha256:`));
  });

  it("is one comment when who made it died before he could note it, and a new one when somebody removed it", async () => {
    const pull = await talk.merge("words of a crash");
    const build = await talk.built(pull);
    await told(build);
    await talk.ci.query(
      `update report set told = '{}', seen = null, due_at = now() where build_id = ${build.id} and kind = 'comment'`,
    );
    const [first] = comments(pull.number);
    await talk.until(
      () => comments(pull.number),
      ([one]) => (one?.edits ?? 0) > 0,
    );
    expect(comments(pull.number)).to.have.length(1);
    talk.repository.comments.delete(first?.id ?? 0);
    await talk.ci.query(
      `update report set told = jsonb_set(told, '{comment,said}', '""'), seen = null, due_at = now() where build_id = ${build.id} and kind = 'comment'`,
    );
    await talk.until(
      () => comments(pull.number),
      ({ length }) => length === 1,
    );
    expect(comments(pull.number)[0]?.id).to.not.equal(first?.id);
  });

  it("names the stage, the Dockerfile's line and the exit code of a failure", async () => {
    await onMain({ Dockerfile: failing("the tests do not pass") });
    const pull = await talk.merge("words that fail");
    const build = await talk.built(pull);
    expect(build.result).to.equal("failure");
    await told(build);
    const last = (await ended(pull.mergedSha)).at(-1);
    expect(last).to.include({ state: "failure" });
    expect(last?.description).to.match(/^failed in build after \d+\.\d s: Dockerfile:3 exit code 3$/);
    const [comment] = comments(pull.number);
    expect(comment?.body).to.contain("Failed in build").and.to.contain("the tests do not pass\n```");
    await onMain({ Dockerfile: await usual() });
  });

  it("T33: calls nobody and links nowhere, whatever title and log say", async () => {
    const words = "@octocat see [here](https://evil.example) <img src=x onerror=alert(1)> #1 ``` acme/shop@abc";
    await onMain({ Dockerfile: failing(words) });
    const pull = await talk.merge(words);
    const build = await talk.built(pull);
    await told(build);
    const body = comments(pull.number)[0]?.body ?? "";
    expect(body).to.contain("@octocat see [here]");
    expect(outsideOfCode(body)).to.not.match(/@octocat|evil|<img|#1\b/);
    await onMain({ Dockerfile: await usual() });
  });

  it("ends what was pending of a build that a later one supersedes, with no comment", async () => {
    await onMain({ Dockerfile: dockerfile(hold) });
    const first = await talk.merge("words that run");
    const running = await talk.until(
      async () =>
        ((await (await talk.ci.api("/builds?limit=5&state=running")).json()) as { builds: FinishedBuild[] }).builds,
      (builds) => builds.some(({ sha }) => sha === first.mergedSha),
    );
    const second = await talk.merge("words that wait");
    await talk.until(
      () => statuses(second.mergedSha),
      ({ length }) => length > 0,
    );
    expect(statuses(second.mergedSha).at(-1)).to.include({ state: "pending", description: "waits in the queue" });
    await onMain({ Dockerfile: await usual() });
    const third = await talk.merge("words that win");
    const last = (await ended(second.mergedSha)).at(-1);
    expect(last).to.include({ state: "error" });
    expect(last?.description).to.match(/^cancelled: superseded by #\d+$/);
    expect(comments(second.number)).to.deep.equal([]);
    await talk.ci.post(`/builds/${running[0]?.id}/cancel`, {});
    expect((await ended(first.mergedSha)).at(-1)).to.include({ state: "error", description: "cancelled by hand" });
    const build = await talk.built(third);
    expect(build, build.log).to.include({ result: "success" });
    await told(build);
  });

  it("is told afterwards, in order and once, when the forge was down while it built", async () => {
    talk.github.state.faults.next = { status: 502, times: 1_000_000 };
    const pulls = [await talk.merge("down, one"), await talk.merge("down, two")];
    const builds: FinishedBuild[] = [];
    for (const pull of pulls) builds.push(await talk.built(pull));
    expect(builds.map(({ result }) => result)).to.deep.equal(["success", "success"]);
    const failed = await talk.until(
      () => reports(builds[0]?.id ?? 0),
      (all) => all.some(({ problem }) => problem !== null),
    );
    expect(failed.find(({ problem }) => problem !== null)?.problem).to.contain("502");
    const { asked } = talk.github.state;
    const before = asked.length;
    talk.github.state.faults.next = null;
    for (const build of builds) await told(build);
    for (const pull of pulls) {
      expect(statuses(pull.mergedSha).filter(({ context }) => context.endsWith("/shop"))).to.have.length(1);
      expect(comments(pull.number).map(({ edits }) => edits)).to.deep.equal([0]);
    }
    const order = asked.slice(before).flatMap((line) => /statuses\/(\w+)/.exec(line)?.[1] ?? []);
    expect(order.filter((sha, index) => sha !== order[index - 1])).to.deep.equal(
      pulls.map(({ mergedSha }) => mergedSha),
    );
  });

  it("waits for as long as a rate limit says, and the whole repository with it", async () => {
    talk.github.state.faults.next = { status: 429, times: 1, headers: { "retry-after": "2" } };
    const before = talk.github.state.asked.length;
    const pull = await talk.merge("words at the limit");
    const build = await talk.built(pull);
    await talk.until(
      () => talk.github.state.asked.length,
      (length) => length > before,
    );
    const begunMs = performance.now();
    expect(await reports(build.id)).to.satisfy((all: ReportView[]) => all.every(({ state }) => state === "pending"));
    await told(build);
    expect(performance.now() - begunMs).to.be.greaterThan(500);
    expect(talk.github.state.asked[before]).to.match(/ 429$/);
    expect(statuses(pull.mergedSha).at(-1)).to.include({ state: "success" });
  });

  it("is on the build where the token may not, and the build is none the worse", async () => {
    talk.repository.people.set("admin", "read");
    const pull = await talk.merge("words nobody may write");
    const build = await talk.built(pull);
    expect(build.result, build.log).to.equal("success");
    const all = await talk.until(
      () => reports(build.id),
      (seen) => seen.length > 0 && seen.every(({ state }) => state !== "pending"),
    );
    // Whoever reads may comment.
    expect(all.map(({ kind, state }) => `${kind} ${state}`)).to.deep.equal(["status failed", "comment told"]);
    expect(all[0]?.problem).to.contain("404");
    const listed = (await (await talk.ci.api("/reports?state=failed")).json()) as { reports: { buildId: number }[] };
    expect(listed.reports.map(({ buildId }) => buildId)).to.deep.equal([build.id]);
    const system = (await (await talk.ci.api("/system")).json()) as { warnings: { code: string; message: string }[] };
    expect(system.warnings.find(({ code }) => code === "reports_failing")?.message).to.contain(`build ${build.id}`);
    talk.repository.people.set("admin", "admin");
    // Somebody has mended it; the next try is minutes away.
    await talk.ci.query("update report set due_at = now() where due_at is not null");
    await told(build);
    expect(statuses(pull.mergedSha).at(-1)).to.include({ state: "success" });
  });
});

/** What a reader of Markdown would look at for names, links and HTML; our own marker aside. */
function outsideOfCode(markdown: string): string {
  const blocks = markdown.replace(/^(`{3,})[^\n`]*\n[\s\S]*?\n\1$/gm, "");
  return blocks.replace(/(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, "").replace(/<!-- mergedock[^>]*-->/g, "");
}

describe("what GitHub is told by an App", function () {
  this.timeout(60_000);
  let talk: GithubTester;
  const { statuses, checks, comments, told } = conversation(() => talk);
  before(async () => {
    talk = await GithubTester.start({ access: "app", rules: { concurrency: "queue" } });
    const { busybox = "" } = await sampleApp({ message: "" });
    const folder = (name: string, steps: string) => ({
      ...{ [`${name}/busybox`]: busybox, [`${name}/message.txt`]: `${name}\n`, [`${name}/Dockerfile`]: steps },
    });
    const images =
      "images:\n  - { service: cart, context: cart, paths: [cart/**] }\n  - { service: web, context: web, paths: [web/**] }\n";
    await talk.repository.git.commit({
      files: { ".mergedock.yml": images, ...folder("cart", dockerfile()), ...folder("web", dockerfile()) },
      message: "Have two images",
    });
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(() => talk.stop());

  async function merge(files: Readonly<Record<string, string>>) {
    const pull = await talk.open("what is not built", files);
    await pull.merge();
    const build = await talk.built(pull);
    await told(build);
    return { pull, build };
  }

  it("is a check run of each image: one built, one not touched and why", async () => {
    const { pull, build } = await merge({ "cart/message.txt": "more\n" });
    expect(build.result, build.log).to.equal("success");
    const found = new Map(checks(pull.mergedSha).map(({ fields }) => [fields.name, fields]));
    expect(found.get("ci/mergedock/cart")).to.include({ status: "completed", conclusion: "success" });
    expect(found.get("ci/mergedock/web")).to.include({ status: "completed", conclusion: "skipped" });
    const web = statuses(pull.mergedSha).filter(({ context }) => context === "ci/mergedock/web");
    expect(web.at(-1)).to.include({ state: "success" });
    expect(web.at(-1)?.description).to.match(/^not built: no changed file matches its paths web\/\*\*/);
    expect(comments(pull.number)[0]?.body)
      .to.contain("1 image built, 1 not touched")
      .and.to.contain("not built: `no changed");
    // Nobody said where this server is: no link leads anywhere.
    expect(web.at(-1)?.target_url).to.equal(null);
    expect(comments(pull.number)[0]?.body).to.not.contain("](");
  });

  it("says which image was reused, and from which build", async () => {
    const [first] = (
      (await (await talk.ci.api("/builds?result=success&limit=1")).json()) as { builds: FinishedBuild[] }
    ).builds;
    await talk.repository.git.commit({ files: { "cart/message.txt": "cart\n" }, message: "Have less" });
    const { pull, build } = await merge({ "cart/message.txt": "more\n" });
    expect(build.images[0]?.reusedFrom, build.log).to.equal(first?.id);
    const [{ body } = { body: "" }, ...others] = comments(pull.number);
    expect(others).to.deep.equal([]);
    expect(body).to.contain(`reused from build ${first?.id}`).and.to.contain("not built: `no changed");
    expect(body).to.contain("0 images built, 1 reused, 1 not touched");
  });

  it("has the failing step's lines, and an annotation at the line of the image's Dockerfile", async () => {
    const { pull } = await merge({ "cart/Dockerfile": failing("expected 1, got 2") });
    const [cart] = checks(pull.mergedSha).filter(({ fields }) => fields.name === "ci/mergedock/cart");
    expect(cart?.fields).to.include({ status: "completed", conclusion: "failure" });
    const { annotations, text, title } = (cart?.fields.output ?? {}) as Record<string, unknown>; // GitHub's words
    expect(title).to.match(/^failed in build after .* s: cart\/Dockerfile:3 exit code 3$/);
    expect(text).to.contain("expected 1, got 2");
    expect(annotations).to.have.length(1);
    expect((annotations as object[])[0]).to.include({
      path: "cart/Dockerfile",
      start_line: 3,
      annotation_level: "failure",
    });
  });
});

describe("what GitHub is told of", function () {
  this.timeout(60_000);

  it("is nothing that is switched off", async () => {
    const talk = await GithubTester.start({ access: "app", rules: { report: { status: false, comment: false } } });
    try {
      const build = await talk.built(await talk.merge());
      const reports = await conversation(() => talk).told(build);
      expect(reports.map(({ kind }) => kind)).to.deep.equal(["check"]);
      expect([...talk.repository.checks.values()].map(({ fields }) => fields.conclusion)).to.include("success");
      expect([talk.repository.statuses.size, talk.repository.comments.size]).to.deep.equal([0, 0]);
    } finally {
      await talk.stop();
    }
  });
});

describe("what GitHub could not be told", function () {
  this.timeout(60_000);
  let talk: GithubTester;
  const { statuses, reports, told } = conversation(() => talk);

  it("is no more told for having been taken out of the configuration, and is told when it is back", async () => {
    talk = await GithubTester.start();
    talk.github.state.faults.next = { status: 503, times: 1_000 };
    const pull = await talk.merge("words for later");
    const build = await talk.built(pull);
    await talk.ci.stopServer();
    talk.github.state.faults.next = null;
    const file = join(talk.ci.folder, "mergedock.yml");
    const config = await readFile(file, "utf8");
    const { repositories, ...rest } = JSON.parse(config) as { repositories: Record<string, unknown>[] };
    const restart = async (text: string) => {
      await writeFile(file, text);
      await talk.ci.startServer();
      await talk.ci.query("update report set due_at = now() where due_at is not null");
      await talk.ci.query("update report_line set paused_until = '-infinity'");
    };
    await restart(JSON.stringify({ ...rest, repositories: repositories.map(({ access: _taken, ...one }) => one) }));
    const failed = await talk.until(
      () => reports(build.id),
      (all) => all.every(({ state }) => state === "failed"),
    );
    expect(failed[0]?.problem).to.contain("the forge of acme/shop cannot be asked");
    await talk.ci.stopServer();
    await restart(config);
    await told(build);
    expect(statuses(pull.mergedSha).at(-1)).to.include({ state: "success" });
    await talk.stop();
  });
});
