// Everything that GitHub is known to send, through the receiver: in order, then shuffled and doubled.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { anotherMerge, mergedTwins, type Payload, readCorpus, shuffled } from "../helpers/corpus.ts";
import { ServerTester } from "../helpers/server-tester.ts";

const corpus = readCorpus();
const atOnce = 16;
const mergesInStorm = 40;

interface Answer {
  readonly status: number;
  readonly verdict: string;
  readonly reason: string;
  readonly build: number | null;
}

describe(`the ${corpus.length} real payloads of GitHub`, function () {
  this.timeout(60_000);
  let server: ServerTester;
  before(async () => {
    const repository = { name: "Codertocat/Hello-World", url: "http://127.0.0.1:1/x.git", branches: ["master"] };
    // What the builds come to is not looked at.
    server = await ServerTester.start({ repository, logLevel: "warn", limits: { attempts_max: 1 } });
  });
  after(() => server.stop());

  async function send({ event, from, body }: Payload, guid: string = randomUUID()): Promise<Answer> {
    const host = from === "api.github.com" ? {} : { "x-github-enterprise-host": "github.example.com" };
    const headers = { "x-github-delivery": guid, ...host };
    const answer = await server.send({ event, body: JSON.stringify(body), headers });
    const said = JSON.parse(answer.body) as Answer & { readonly detail?: string };
    expect(answer.status, `${from} ${event} ${body.action ?? ""}: ${said.detail}`).to.be.within(200, 299);
    return { ...said, status: answer.status };
  }

  async function sendAll(payloads: readonly Payload[], guids?: readonly string[]): Promise<Answer[]> {
    const answers: Answer[] = [];
    const rest = payloads.map((payload, index) => ({ payload, index }));
    const sender = async () => {
      for (let next = rest.shift(); next !== undefined; next = rest.shift())
        answers[next.index] = await send(next.payload, guids?.[next.index]);
    };
    await Promise.all(Array.from({ length: atOnce }, sender));
    return answers;
  }

  /** Of these merges. */
  async function buildsOf(merges: readonly Payload[]): Promise<{ sha: string; count: number }[]> {
    const shas = new Set(merges.map(mergeOf));
    const sql = "select sha, count(*)::int as count from build group by sha";
    return (await server.query<{ sha: string; count: number }>(sql)).filter(({ sha }) => shas.has(sha));
  }

  it("are each answered 2xx with a decision, and build nothing, for none of them is of a merge", async () => {
    const answers = await sendAll(corpus);
    const verdicts = countBy(answers.map(({ verdict, reason }) => `${verdict}: ${inGeneral(reason)}`));
    const events = new Set(corpus.map(({ event }) => event)).size;
    console.table(Object.fromEntries([...verdicts].map(([verdict, count]) => [verdict, { payloads: count }])));
    console.log(
      `      ${corpus.length} payloads of ${events} events, by status ${show(countBy(answers.map(({ status }) => status)))}`,
    );
    expect([...verdicts.values()].reduce((sum, count) => sum + count, 0)).to.equal(corpus.length);
    const pings = corpus.filter(({ event }) => event === "ping").length;
    const pulls = corpus.filter(({ event }) => event === "pull_request");
    const comments = corpus.filter(({ event }) => event === "issue_comment").length;
    const closed = pulls.filter(({ body }) => body.action === "closed").length;
    expect(Object.fromEntries(verdicts)).to.deep.equal({
      "skip: ping: the hook is set up": pings,
      "skip: event … builds nothing; only pull_request does": corpus.length - pings - comments - pulls.length,
      "skip: issue_comment builds nothing; a new comment on a pull request may be a command": comments,
      'skip: pull_request.… builds nothing; only a merge, which is sent as "closed", does': pulls.length - closed,
      "skip: pull request #… was closed without merging": closed,
    });
    expect([corpus.length > 700, closed > 0]).to.deep.equal([true, true]);
    expect([await server.count("delivery"), await server.count("build")]).to.deep.equal([corpus.length, 0]);
    expect(server.isAlive, server.output).to.equal(true);
  });

  it("build where GitHub would say that the closed ones were merged: one build for each merge", async () => {
    const twins = mergedTwins(corpus);
    const merges = new Set(twins.map(mergeOf)).size;
    const answers = await sendAll(shuffled([...corpus, ...twins]));
    const verdicts = countBy(answers.map(({ verdict }) => verdict));
    expect(Object.fromEntries(verdicts)).to.deep.equal({ build: merges, skip: corpus.length + twins.length - merges });
    expect((await buildsOf(twins)).map(({ count }) => count)).to.deep.equal(Array.from({ length: merges }, () => 1));
    expect(await server.count("build")).to.equal(merges);
  });

  it("F9: shuffled among merges, each sent again with its id and with another one: one build for each merge", async () => {
    const [twin] = mergedTwins(corpus) as [Payload]; // there are closed ones
    const merges = Array.from({ length: mergesInStorm }, (_none, index) => anotherMerge(twin, index + 100));
    const once = [...corpus, ...merges].map((payload) => ({ payload, guid: randomUUID() }));
    const again = merges.map((payload) => ({ payload, guid: randomUUID() }));
    const storm = shuffled([...once, ...once, ...again]);
    const before = { deliveries: await server.count("delivery"), builds: await server.count("build") };
    const answers = await sendAll(
      storm.map(({ payload }) => payload),
      storm.map(({ guid }) => guid),
    );
    const builds = (await server.count("build")) - before.builds;
    const stored = (await server.count("delivery")) - before.deliveries;
    console.table({ "F9, the corpus": { deliveries: storm.length, stored, merges: merges.length, builds } });
    expect(answers.filter(({ verdict }) => verdict === "build")).to.have.length(merges.length);
    const each = await buildsOf(merges);
    expect(each.map(({ sha }) => sha)).to.have.members(merges.map(mergeOf));
    expect([each.filter(({ count }) => count !== 1), builds]).to.deep.equal([[], merges.length]);
    expect(stored).to.equal(once.length + again.length);
    expect(server.isAlive, server.output).to.equal(true);
  });
});

function mergeOf({ body }: Payload): string {
  return (body.pull_request as { merge_commit_sha: string }).merge_commit_sha; // as GitHub sends it
}

/** Without the names and numbers of the one delivery. */
function inGeneral(reason: string): string {
  return reason
    .replace(/^event \w+/, "event …")
    .replace(/^(pull_request\.)\w+/, "$1…")
    .replace(/#\d+/, "#…");
}

function countBy<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function show(counts: ReadonlyMap<unknown, number>): string {
  return [...counts].map(([value, count]) => `${value}: ${count}`).join(", ");
}
