// Conversations with a fake GitHub about merges whose deliveries did not arrive.

import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester } from "../helpers/github-tester.ts";
import type { BuildView } from "../helpers/tester.ts";

/** An image of one file, built in the least time. */
const tiny = { Dockerfile: 'FROM scratch\nCOPY message.txt /\nCMD ["/message.txt"]\n' };
/** What was merged a moment ago is missed already. */
const limits = { reconcile_grace_seconds: 0 };

interface DeliveryEntry {
  readonly guid: string;
  readonly name: string;
  readonly origin: string;
  readonly verdict: string;
  readonly reason: string;
  readonly build: number | null;
}

/** The conversation with the additions of these tests. */
class Talk {
  readonly github: GithubTester;

  constructor(github: GithubTester) {
    this.github = github;
  }

  /** Every build, oldest first, when all have ended. */
  async allBuilt(count: number): Promise<readonly BuildView[]> {
    const builds = await this.github.until(
      () => this.builds(),
      (found) => found.length >= count && found.every(({ result }) => result !== null),
    );
    return builds;
  }

  async builds(): Promise<readonly BuildView[]> {
    const { builds } = (await (await this.github.ci.api("/builds?limit=100")).json()) as { builds: BuildView[] };
    return builds.toReversed();
  }

  async deliveries(): Promise<readonly DeliveryEntry[]> {
    const answer = await this.github.ci.api("/deliveries?limit=100");
    return ((await answer.json()) as { deliveries: DeliveryEntry[] }).deliveries.toReversed();
  }
}

describe("merges while the server was away", function () {
  this.timeout(60_000);
  let talk: Talk;
  let github: GithubTester;
  before(async () => {
    github = await GithubTester.start({ limits, file: { reconcile: { every_seconds: 0 } } });
    talk = new Talk(github);
  });
  afterEach(() => removeImages(github.ci.lab));
  after(() => github.stop());

  it("are built in their order when it is back, each once, as the deliveries that they are", async () => {
    await github.open("the one before", tiny).then((pull) => pull.merge());
    await talk.allBuilt(1);
    const pulls = await github.whileDown(async () => {
      const merged = [];
      for (const message of ["one", "two", "three"]) merged.push(await github.merge(message, "squash"));
      return merged;
    });
    const builds = await talk.allBuilt(4);
    expect(builds.slice(1).map(({ sha }) => sha)).to.deep.equal(pulls.map(({ mergedSha }) => mergedSha));
    expect(builds.map(({ result, trigger }) => [result, trigger])).to.deep.equal(
      Array(4).fill(["success", "pull_request"]),
    );
    const taken = (await talk.deliveries()).slice(1);
    expect(taken.map(({ origin, verdict }) => [origin, verdict])).to.deep.equal(Array(3).fill(["api", "build"]));
    const failed = [...github.repository.hooks.values()][0]?.deliveries.slice(1) ?? [];
    expect(taken.map(({ guid }) => guid)).to.deep.equal(failed.map(({ guid }) => guid));
  });

  it("are a duplicate when GitHub sends them after all, though not the same bytes", async () => {
    const [hook] = github.repository.hooks.values();
    const missed = hook?.deliveries.find(({ statusCode }) => statusCode === 0);
    const before = (await talk.builds()).length;
    const path = `/repos/acme/shop/hooks/${hook?.id}/deliveries/${missed?.id}/attempts`;
    await fetch(`${github.github.url}/api/v3${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${github.github.giveToken("admin")}` },
    });
    const again = await github.until(
      () => hook?.deliveries.findLast(({ guid }) => guid === missed?.guid),
      (seen) => seen?.redelivery === true,
    );
    expect(again?.statusCode).to.equal(202);
    expect(JSON.parse(again?.answer ?? "")).to.include({ verdict: "duplicate" });
    expect(await talk.builds()).to.have.length(before);
  });
});
