// Conversations with a fake GitHub: people comment on pull requests, and what the CI does of it.

import { expect } from "chai";
import { answerMark } from "../../ci-server/core/command-answer.ts";
import type { PullHandle } from "../fakes/github/pulls.ts";
import { attempt } from "../fakes/github/send.ts";
import type { CommentRecord, FakeHook } from "../fakes/github/state.ts";
import { removeImages } from "../helpers/engine-images.ts";

import { GithubTester, untold } from "../helpers/github-tester.ts";
import { runMergedock } from "../helpers/mergedock.ts";
import { adminToken } from "../helpers/tester.ts";

const hourMs = 3_600_000;

interface Entry {
  readonly guid: string;
  readonly verdict: string;
  readonly reason: string;
  readonly rules: readonly { readonly rule: string; readonly passed: boolean; readonly saw: string }[];
}

describe("a comment on a pull request", function () {
  this.timeout(60_000);
  let talk: GithubTester;
  before(async () => {
    talk = await GithubTester.start({
      rules: { commands: true, ...untold },
      limits: { commands_per_hour_max: 3, queued_builds_per_repository_max: 1 },
      file: { public_url: "https://ci.test" },
    });
    hook(talk).events = ["pull_request", "issue_comment"];
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(() => talk.stop());

  function hook({ repository }: GithubTester): FakeHook {
    const [only] = repository.hooks.values();
    if (only === undefined) throw new Error("the repository has no hook");
    return only;
  }

  function say(pull: PullHandle, login: string, body: string, where = talk): Promise<CommentRecord> {
    return where.github.comment(where.repository.name, pull.number, login, body);
  }

  /** What the ledger says of the newest delivery that brought the comment. */
  async function entryOf(said: CommentRecord, where = talk): Promise<Entry> {
    const sent = hook(where).deliveries.findLast(
      ({ payload }) => (payload as { comment?: { id: number } }).comment?.id === said.id,
    );
    expect(sent?.statusCode).to.equal(202);
    return (await (await where.ci.api(`/deliveries/${sent?.guid}`)).json()) as Entry;
  }

  function answersTo(said: CommentRecord): string[] {
    const mark = answerMark({ commentId: String(said.id) });
    return [...talk.repository.comments.values()].map(({ body }) => body).filter((body) => body.startsWith(mark));
  }

  const answered = (said: CommentRecord) =>
    talk.until(
      () => answersTo(said).join(),
      (text) => text !== "",
    );
  const ended = (said: CommentRecord) =>
    talk.until(
      () => entryOf(said),
      ({ reason }) => !/taken up/.test(reason),
    );

  async function buildsOf({ mergedSha }: PullHandle): Promise<number[]> {
    const { builds } = (await (await talk.ci.api("/builds?limit=100")).json()) as {
      builds: { id: number; sha: string }[];
    };
    return builds.filter(({ sha }) => sha === mergedSha).map(({ id }) => id);
  }

  const asksOf = (login: string) =>
    talk.github.state.asked.filter((line) => line.includes(`/collaborators/${login}/permission`)).length;

  it("has the merged commit built again when a writer asks, and says so once", async () => {
    const pull = await talk.merge("hello to be built again");
    const first = await talk.built(pull);
    const said = await say(pull, "octocat", "Base image was broken, sorry.\r\n\r\n/mergedock rebuild --no-cache");
    const text = await answered(said);
    const id = Number(/\[Build (\d+)\]\(https:\/\/ci\.test\/builds\/\1\) was queued/.exec(text)?.[1]);
    const build = await talk.ci.finished(id);
    expect(build, build.log).to.include({ result: "success", sha: pull.mergedSha, trigger: "manual", noCache: true });
    expect(await buildsOf(pull)).to.deep.equal([id, first.id]);
    const { reason, verdict, rules } = await ended(said);
    expect({ reason, verdict }).to.deep.equal({
      reason: `comment command rebuild --no-cache by octocat on #${pull.number}: build ${id} was queued`,
      verdict: "skip",
    });
    expect(rules.at(-1)).to.deep.equal({ rule: "write access", passed: true, saw: "write" });
    const { entries } = (await (await talk.ci.api("/audit")).json()) as {
      entries: { actor: string; detail: object }[];
    };
    const asked = entries.filter(({ actor }) => actor === "github:octocat");
    expect(asked.map(({ detail }) => detail)).to.deep.equal([
      { build: id, service: null, noCache: true, comment: String(said.id) },
    ]);
    expect(answersTo(said)).to.have.length(1);
  });

  it("comes by an event of its own, which the set-up names", async () => {
    const { setup } = (await (await talk.ci.api("/system")).json()) as { setup: { events: string[] } };
    expect(setup.events).to.deep.equal(["pull_request", "issue_comment"]);
  });

  it("is told rule by rule why a merge was not built", async () => {
    const pull = await talk.merge("hello @octocat [skip ci]");
    const text = await answered(await say(pull, "admin", "/mergedock explain"));
    expect(text).to.contain("Nothing was built of this merge when it came: `pull request #");
    expect(text).to.contain("- ✓ merged: `merged: true`").and.contain("- ✗ skip directive: `[skip ci] in the title`");
    const place = { MERGEDOCK_SERVER: new URL(talk.ci.app.apiUrl).origin, MERGEDOCK_TOKEN: adminToken };
    const told = await runMergedock(["explain", `#${pull.number}`], { folder: talk.ci.folder, env: place });
    // What was said since about the merge is not what is meant by it.
    expect(told.stdout).to.contain("pull_request.closed of acme/shop").and.contain("says [skip ci] in its title");
    const refused = await answered(await say(pull, "admin", "/mergedock rebuild"));
    expect(refused).to.contain("Nothing was queued: `pull request #").and.contain("says [skip ci] in its title");
    expect(await buildsOf(pull)).to.deep.equal([]);
  });

  it("is not obeyed when a stranger or a bot wrote it: nobody is answered, and it is on record", async () => {
    const pull = await talk.merge("hello that strangers like");
    await talk.built(pull);
    const said = await say(pull, "stranger", "/mergedock rebuild");
    const { reason, rules } = await ended(said);
    expect(reason).to.equal(
      `comment command rebuild by stranger on #${pull.number}: stranger may not write in acme/shop, and is not obeyed`,
    );
    expect(rules.at(-1)).to.deep.equal({ rule: "write access", passed: false, saw: "read" });
    const bot = await say(pull, "helper[bot]", "/mergedock rebuild");
    expect((await entryOf(bot)).reason).to.contain("bots are not obeyed");
    expect([answersTo(said), answersTo(bot)]).to.deep.equal([[], []]);
    expect(await buildsOf(pull)).to.have.length(1);
    expect([asksOf("stranger"), asksOf("helper[bot]")]).to.deep.equal([1, 0]);
  });

  it("is obeyed once, however often it is delivered, replayed, or begun by somebody who died", async () => {
    const pull = await talk.merge("hello delivered twice");
    await talk.built(pull);
    const said = await say(pull, "octocat", "/mergedock rebuild");
    const { guid } = await ended(said);
    const sent = hook(talk).deliveries.find((one) => one.guid === guid);
    if (sent === undefined) throw new Error("it was not delivered");
    await attempt(talk.github.state, hook(talk), { ...sent, redelivery: true });
    await attempt(talk.github.state, hook(talk), { ...sent, guid: crypto.randomUUID() });
    const replayed = await talk.ci.post(`/deliveries/${guid}/replay`, {});
    expect(await replayed.json()).to.include({ verdict: "skip", build: null });
    // As after a crash between the answer and its record.
    await talk.ci.query(`update comment_command set state = 'pending', due_at = now() where comment_id = '${said.id}'`);
    await talk.ci.query("notify mergedock_build, 'command'");
    const states = () =>
      talk.ci.query<{ state: string; attempts: number }>(
        `select state, attempts from comment_command where comment_id = '${said.id}'`,
      );
    const [job] = await talk.until(states, (rows) => rows[0]?.state === "done");
    expect(job?.attempts).to.equal(2);
    expect(answersTo(said)).to.have.length(1);
    const builds = await buildsOf(pull);
    expect(builds).to.have.length(2);
    await Promise.all(builds.map((id) => talk.ci.finished(id)));
  });

  it("is obeyed later when the API is away", async () => {
    const pull = await talk.merge("hello while the API is away");
    await talk.built(pull);
    talk.github.state.faults.next = { status: 503, times: Number.POSITIVE_INFINITY };
    const said = await say(pull, "octocat", "/mergedock rebuild shop");
    const before = talk.github.state.asked.length;
    await talk.until(
      () => talk.github.state.asked.slice(before - 1),
      (asked) => asked.some((line) => line.endsWith("/collaborators/octocat/permission 503")),
    );
    expect((await entryOf(said)).reason).to.contain("taken up, once, if octocat may write");
    talk.github.state.faults.next = null;
    expect(await answered(said)).to.match(/Build \d+\]\(.*\) of `shop` was queued/);
    const [newest = 0, ...others] = await buildsOf(pull);
    expect(others).to.have.length(1);
    expect(await talk.ci.finished(newest)).to.include({ result: "success" });
  });

  it("has a merge built that the full queue had refused", async () => {
    const refused = await talk.until(
      () => talk.merge("hello to a full queue"),
      () => hook(talk).deliveries.at(-1)?.answer.includes('"verdict":"skip"') === true,
    );
    expect(await buildsOf(refused)).to.deep.equal([]);
    const { builds } = (await (await talk.ci.api("/builds?limit=100")).json()) as { builds: { id: number }[] };
    await Promise.all(builds.map(({ id }) => talk.ci.finished(id)));
    const said = await say(refused, "octocat", "/mergedock rebuild");
    expect(await answered(said)).to.contain("was queued, of commit");
    expect(await talk.built(refused)).to.include({
      result: "success",
      sha: refused.mergedSha,
      trigger: "pull_request",
    });
  });

  it("T4: is not obeyed when it comes a day late, as somebody may send it again who has kept it", async () => {
    const pull = await talk.merge("hello from long ago [skip ci]");
    const asked = asksOf("octocat");
    const { clock } = talk.github.state;
    clock.advance(-25 * hourMs);
    const said = await say(pull, "octocat", "/mergedock help");
    clock.advance(25 * hourMs);
    expect((await ended(said)).reason).to.contain("more than 24 hours old (limits.command_hours_max)");
    expect([answersTo(said), asksOf("octocat") - asked]).to.deep.equal([[], 0]);
  });

  it("is told what there is when it asks for something else, and nothing of it is taken for Markdown", async () => {
    const pull = await talk.merge("hello to a typing error [skip ci]");
    const text = await answered(await say(pull, "octocat", "/mergedock rebiuld @admin"));
    expect(text).to.contain('`"rebiuld" is no command; did you mean "rebuild"? There are: rebuild, explain, help`');
    expect(text).to.contain("- `/mergedock explain` says why").and.not.contain("@admin");
  });

  it("is one of a few within an hour, and strangers use up nobody's but their own", async () => {
    const pull = await talk.merge("hello to the impatient [skip ci]");
    const before = asksOf("stranger");
    const flood = [];
    for (const body of Array.from({ length: 6 }, () => "/mergedock help"))
      flood.push(await say(pull, "stranger", body));
    const said = await say(pull, "octocat", "/mergedock help");
    expect(await answered(said)).to.contain("builds the merged commit again");
    await Promise.all(flood.map(ended));
    expect(asksOf("stranger") - before).to.equal(3);
    expect((await entryOf(flood[5] as CommentRecord)).reason).to.contain("(limits.commands_per_hour_max)");
    for (const body of ["/mergedock help", "/mergedock help", "/mergedock help"])
      flood.push(await say(pull, "octocat", body));
    const last = await ended(flood.at(-1) as CommentRecord);
    expect(last.reason).to.contain("there were 3 within an hour (limits.commands_per_hour_max)");
    expect(flood.flatMap(answersTo)).to.have.length(2);
  });

  it("is no command before the merge, nor without a line that is one, nor once it was changed", async () => {
    const pull = await talk.open("hello that is not merged");
    const early = await say(pull, "octocat", "/mergedock rebuild");
    expect((await entryOf(early)).reason).to.equal(
      `comment command rebuild by octocat on #${pull.number}: it is not merged, and commands are for what was`,
    );
    const chat = await say(pull, "octocat", "Looks good.\n> /mergedock rebuild");
    expect((await entryOf(chat)).reason).to.contain("no line of it begins with /mergedock");
    expect(await talk.ci.query(`select from comment_command where pull_request = ${pull.number}`)).to.deep.equal([]);
  });

  it("is told which step of a build failed, and not what it printed", async () => {
    // The last one that builds: what is merged here stays broken.
    const pull = await talk.open("hello from a broken image", {
      Dockerfile: "FROM scratch\nCOPY no-such-file /secret-plans\n",
    });
    await pull.merge();
    const { id } = await talk.built(pull);
    const text = await answered(await say(pull, "octocat", "/mergedock explain"));
    expect(text).to.contain(`[Build ${id}](https://ci.test/builds/${id}) ended with \`failure\``);
    expect(text).to.contain("This merge was to be built: `pull request #").and.contain("no-such-file");
  });

  it("is no command unless the operator lets it be one", async () => {
    const quiet = await GithubTester.start();
    try {
      hook(quiet).events = ["issue_comment"];
      const pull = await quiet.merge("hello where nobody listens");
      const said = await say(pull, "octocat", "/mergedock rebuild", quiet);
      expect((await entryOf(said, quiet)).reason).to.contain('acme/shop obeys no comments; "commands: true"');
      expect(await quiet.ci.countRows("comment_command")).to.equal(0);
      expect(quiet.github.state.asked.filter((asked) => asked.includes("/collaborators/"))).to.deep.equal([]);
    } finally {
      await quiet.stop();
    }
  });
});
