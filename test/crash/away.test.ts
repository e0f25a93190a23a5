// F10: the server is away while pull requests are merged: fifty by `npm run crash`, twelve otherwise, since each one is built.
// Figures for each way in which it finds them when it is back.

import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { Fleet } from "../helpers/fleet.ts";
import type { GithubTesterOptions } from "../helpers/github-tester.ts";
import { useLab } from "../helpers/lab.ts";
import { ReconcileTalk } from "../helpers/reconcile-talk.ts";

const merges = process.env.MERGEDOCK_CRASH_ROUNDS === undefined ? 12 : 50;

interface Case {
  readonly name: string;
  readonly options: GithubTesterOptions;
  readonly trigger: string;
}

const cases: readonly Case[] = [
  { name: "by the hook's deliveries, in order", options: { access: "token" }, trigger: "pull_request" },
  { name: "by git alone, in order", options: { access: "none" }, trigger: "reconcile" },
  {
    name: "by the hook's deliveries, the newest",
    options: { access: "token", concurrency: "supersede" },
    trigger: "pull_request",
  },
  { name: "by git alone, the newest", options: { access: "none", concurrency: "supersede" }, trigger: "reconcile" },
];

describe(`F10: ${merges} merges while the server was away`, function () {
  this.timeout(300_000);
  let talk: ReconcileTalk;
  before(async () => {
    await useLab();
  });
  afterEach(async () => {
    await removeImages(talk.github.ci.lab);
    await talk.stop();
  });

  for (const { name, options, trigger } of cases)
    it(`are found ${name}, and none is built twice`, async () => {
      talk = await ReconcileTalk.start(options);
      const isSuperseding = options.concurrency === "supersede";
      await talk.github.merge("before").then(() => talk.allBuilt(1));
      const shas = await talk.whileDown(async () => {
        const merged: (string | null)[] = [];
        for (let count = 0; count < merges; count += 1)
          merged.push((await talk.github.merge(`${count}`, count % 2 === 0 ? "merge" : "squash")).mergedSha);
        return merged;
      });
      const began = performance.now();
      const all = await talk.allBuilt(merges + 1);
      const seconds = Math.round((performance.now() - began) / 100) / 10;
      const builds = all.slice(1);
      const wanted = isSuperseding ? shas.slice(-1) : shas;
      const made = builds.filter(({ result }) => result === "success").map(({ sha }) => sha);
      const lost = wanted.filter((sha) => !made.includes(sha)).length;
      const doubled = builds.length - new Set(builds.map(({ sha }) => sha)).size;
      const { found } = await talk.github.reconcileState();
      console.table({ [name]: { merges, found, builds: made.length, lost, doubled, seconds } });
      expect({ found, lost, doubled }).to.deep.equal({ found: merges, lost: 0, doubled: 0 });
      expect(made).to.deep.equal(wanted);
      expect(new Set(builds.map((build) => build.trigger))).to.deep.equal(new Set([trigger]));
    });
});

describe("two machines that look at the branches while deliveries come in", function () {
  this.timeout(300_000);
  let fleet: Fleet;
  before(async () => {
    await useLab();
    fleet = await Fleet.create({
      machines: { all: 2 },
      limits: { reconcile_grace_seconds: 0 },
      file: { reconcile: { every_seconds: 1 } },
    });
    await fleet.startAll();
  });
  afterEach(() => removeImages(fleet.lab));
  after(() => fleet.stop());

  it("build each merge once, whoever tells of it first", async () => {
    const [repository] = fleet.repositories;
    if (repository === undefined) throw new Error("there is a repository");
    const shas: string[] = [];
    for (let count = 0; count < 30; count += 1) {
      const merge = await fleet.merge(repository);
      shas.push(merge.sha);
      const machine = fleet.machines[count % 2];
      // Every third one is told of by nobody.
      if (machine !== undefined && count % 3 > 0) await fleet.deliver(machine, merge.payload);
    }
    const builds = await fleet.until(
      () =>
        fleet.query<{ sha: string; trigger: string; result: string | null }>("select sha, trigger, result from build"),
      (found) => found.length >= shas.length && found.every(({ result }) => result !== null),
      200_000,
    );
    const doubled = builds.length - new Set(builds.map(({ sha }) => sha)).size;
    const lost = shas.filter((sha) => !builds.some((build) => build.sha === sha && build.result === "success")).length;
    const byGit = builds.filter(({ trigger }) => trigger === "reconcile").length;
    console.table({ "two machines": { merges: shas.length, byGit, builds: builds.length, lost, doubled } });
    expect({ lost, doubled }).to.deep.equal({ lost: 0, doubled: 0 });
    expect(byGit).to.be.within(1, shas.length);
  });
});
