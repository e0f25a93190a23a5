// F9: the deliveries of real merges, in any order and each of them twice.

import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { createRegistry } from "../../ci-server/adapters/registry.ts";
import { git } from "../../lab/git.ts";
import { attempt } from "../fakes/github/send.ts";
import type { FakeHook } from "../fakes/github/state.ts";
import { shuffled } from "../helpers/corpus.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester } from "../helpers/github-tester.ts";

const merges = 6;
const lookMs = 50;
const methods = ["merge", "squash", "rebase"] as const;

describe(`F9: ${merges} merges whose deliveries come shuffled and doubled`, function () {
  this.timeout(90_000);
  let talk: GithubTester;
  before(async () => {
    // At once, so that the order of the builds is not the order of the merges either.
    talk = await GithubTester.start({ access: "none", concurrency: "parallel" });
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(() => talk.stop());

  it("are one build each, and latest moves to descendants only, until it is the newest merge", async () => {
    const [hook] = [...talk.repository.hooks.values()] as [FakeHook]; // GithubTester makes one
    talk.github.state.faults.isCutOff = true;
    const line: string[] = [];
    for (let index = 0; index < merges; index += 1) {
      const { mergedSha } = await talk.merge(`hello for the ${index}th time`, methods[index % methods.length]);
      line.push(mergedSha ?? "");
    }
    talk.github.state.faults.isCutOff = false;
    const sent = hook.deliveries.filter(({ action }) => action === "closed");
    const watching = watchLatest(talk);
    const order = shuffled([...sent, ...sent]);
    for (const { event, payload, guid } of order)
      await attempt(talk.github.state, hook, { event, payload, guid, redelivery: true });
    const built = await Promise.all(line.map((mergedSha) => talk.built({ mergedSha })));
    const moves = await watching.end();

    expect(built.map(({ result }) => result)).to.deep.equal(line.map(() => "success"));
    expect(await talk.ci.countRows("build")).to.equal(merges);
    const shaOf = new Map(built.map(({ images, sha }) => [images[0]?.digest ?? "", sha ?? ""]));
    // What other suites left in the registry is not counted.
    const seen = moves.flatMap((digest) => (shaOf.has(digest) ? [line.indexOf(shaOf.get(digest) ?? "")] : []));
    const came = order.map(({ payload }) => line.indexOf(mergeOf(payload)));
    console.table({
      "F9, real merges": { deliveries: order.length, merges, builds: built.length, moves: seen.length },
    });
    console.log(`      came as ${came.join(" ")}; latest was ${seen.join(" ")}`);
    expect(seen)
      .to.deep.equal(seen.toSorted((a, b) => a - b))
      .and.not.include(-1);
    expect(seen.at(-1), "latest at the end").to.equal(merges - 1);
    for (const [index, sha] of line.slice(1).entries()) await isBefore(talk, line[index] ?? "", sha);
  });
});

/** Every digest that the tag has, one after another, for as long as it is watched. */
function watchLatest({ ci: { lab } }: GithubTester): { end(): Promise<string[]> } {
  const stop = new AbortController();
  const { signal } = new AbortController();
  const digests: string[] = [];
  const watching = readFile(lab.registry.caFile, "utf8").then(async (ca) => {
    const { apiUrl } = lab.registry;
    const registry = createRegistry({ apiUrl, ca, ...lab.account, timeoutMs: 5_000 });
    const look = async () => {
      // While a tag is written the registry answers 500.
      const manifest = await registry.manifest("acme/shop", "latest", signal).catch(() => null);
      if (manifest !== null && manifest.digest !== digests.at(-1)) digests.push(manifest.digest);
    };
    while (!stop.signal.aborted) {
      await look();
      await delay(lookMs);
    }
    await look();
    await registry.close();
  });
  return {
    async end() {
      stop.abort();
      await watching;
      return digests;
    },
  };
}

function mergeOf(payload: object): string {
  return (payload as { pull_request: { merge_commit_sha: string } }).pull_request.merge_commit_sha; // as GitHub sends it
}

/** Rejects where it is not. */
async function isBefore({ repository }: GithubTester, first: string, second: string): Promise<void> {
  await git(["merge-base", "--is-ancestor", first, second], { cwd: repository.git.folder });
}
