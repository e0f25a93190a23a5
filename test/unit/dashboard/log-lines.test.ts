import { expect } from "chai";
import { type FoldName, foldOf, shownText } from "../../../ci-server/dashboard/log/folds.ts";
import { withLines } from "../../../ci-server/dashboard/log/live-steps.ts";
import type { BuildView, LineView } from "../../../ci-server/dashboard/views.ts";
import { waterfallOf } from "../../../ci-server/dashboard/waterfall.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 1, 12, 0, seconds)).toISOString();
let seq = 0;

function line(fields: Partial<LineView>): LineView {
  seq += 1;
  return { seq, at: at(seq), stage: "build", service: "shop", step: null, stream: null, text: "", ...fields };
}

function foldsOf(lines: readonly LineView[]): string[] {
  let before: FoldName | null = null;
  return lines.map((each) => {
    before = foldOf(each, before);
    return before.key;
  });
}

describe("the folds of a log", () => {
  it("keep the lines of a step together, however they come", () => {
    const [one, two, again] = foldsOf([line({ step: 1 }), line({ step: 2 }), line({ step: 1 })]);
    expect(one).to.equal(again);
    expect(two).not.to.equal(one);
    expect(foldsOf([line({ step: 1, service: "cart" })])).not.to.include(one);
  });

  it("begin anew when a stage speaks again", () => {
    const own = { service: null, stage: "fetch" } as const;
    const [first, second, step, later] = foldsOf([line(own), line(own), line({ step: 1 }), line(own)]);
    expect(second).to.equal(first);
    expect([step, later]).not.to.include(first);
  });

  it("do not say the step's number on each line", () => {
    expect(shownText(line({ step: 4, text: "#4 npm error" }))).to.equal("npm error");
    expect(shownText(line({ step: 4, text: "#44 npm error" }))).to.equal("#44 npm error");
    expect(shownText(line({ text: "#4 npm error" }))).to.equal("#4 npm error");
  });
});

describe("the steps of a build that runs", () => {
  it("are known from its log before the server records them", () => {
    seq = 0;
    const steps = withLines({}, [
      line({ step: 1, text: "#1 [1/3] COPY . ." }),
      line({ step: 2, text: "#2 [2/3] RUN npm ci" }),
      line({ step: 1, text: "#1 CACHED" }),
      line({ step: 2, text: "#2 DONE 3.2s", stream: "stdout" }),
      line({ step: 3, text: "#3 [3/3] RUN npm test" }),
      line({ step: 3, text: "#3 ERROR exit code: 1" }),
    ]);
    expect(steps.shop?.map(({ name, cached, error }) => ({ name, cached, error }))).to.deep.equal([
      { name: "[1/3] COPY . .", cached: true, error: null },
      { name: "[2/3] RUN npm ci", cached: false, error: null },
      { name: "[3/3] RUN npm test", cached: false, error: "ERROR exit code: 1" },
    ]);
    expect(steps.shop?.map(({ completedAt }) => completedAt)).to.deep.equal([at(3), null, at(6)]);
  });
});

describe("the waterfall of a build", () => {
  it("has each stage after the one before, and each step where it lies in time", () => {
    const stage = (name: string, startedMs: number, ms: number | null) => {
      const startedAt = new Date(Date.parse(at(0)) + startedMs).toISOString();
      return { name, startedAt, ms, result: ms === null ? null : "success" } as const;
    };
    const step = { number: 1, digest: "", name: "[1/1] RUN x", cached: false, error: null };
    // Only what is looked at.
    const build = {
      ...{ createdAt: at(0), startedAt: at(5), finishedAt: null, result: null, history: [{ startedAt: at(5) }] },
      stages: [
        stage("queued", 0, 5_000),
        stage("fetch", 5_000, 1_000),
        stage("plan", 6_000, 500),
        stage("build", 6_500, null),
      ],
      steps: { shop: [{ ...step, startedAt: at(7), completedAt: null }] },
    } as unknown as BuildView;
    const { queuedMs, totalMs, bars } = waterfallOf(build, Date.parse(at(15)));
    expect({ queuedMs, totalMs }).to.deep.equal({ queuedMs: 5_000, totalMs: 10_000 });
    expect(bars.map(({ name, fromMs, ms, state }) => [name, fromMs, ms, state])).to.deep.equal([
      ["fetch", 0, 1_000, "done"],
      ["plan", 1_000, 500, "done"],
      ["build", 1_500, 8_500, "running"],
      ["[1/1] RUN x", 2_000, 8_000, "running"],
    ]);
  });
});
