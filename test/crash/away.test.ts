// F10: the server is away while fifty pull requests are merged. Figures for each way in which it finds them when it is back.

import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import type { GithubTesterOptions } from "../helpers/github-tester.ts";
import { useLab } from "../helpers/lab.ts";
import { ReconcileTalk } from "../helpers/reconcile-talk.ts";

const merges = 50;

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
      const { found } = await talk.state();
      console.table({ [name]: { merges, found, builds: made.length, lost, doubled, seconds } });
      expect({ found, lost, doubled }).to.deep.equal({ found: merges, lost: 0, doubled: 0 });
      expect(made).to.deep.equal(wanted);
      expect(new Set(builds.map((build) => build.trigger))).to.deep.equal(new Set([trigger]));
    });
});
