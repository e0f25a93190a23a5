import { expect } from "chai";
import { failureInShort, headline, titleOf } from "../../../ci-server/dashboard/headline.ts";
import type { BuildView, ImageOfBuild, StepView } from "../../../ci-server/dashboard/views.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 1, 12, 0, seconds)).toISOString();

const waiting: BuildView = {
  ...{ id: 7, repository: "acme/shop", trigger: "pull_request", sha: "0123456789abcdef", ref: "main", service: null },
  ...{ version: null, pullRequest: null, deliveryGuid: null, createdAt: at(0), startedAt: null, finishedAt: null },
  ...{ attempts: 0, cancelReason: null, merge: null, skipReason: null, plan: null, result: null, failure: null },
  ...{
    stages: [],
    stage: "queued",
    images: [],
    logRemovedAt: null,
    changedFiles: null,
    reports: [],
    history: [],
    steps: {},
  },
  ...{ medianMs: null, queuedAhead: 0 },
};
const ended = { startedAt: at(2), finishedAt: at(40), attempts: 1, stage: null } as const;
const image: ImageOfBuild = {
  ...{ service: "shop", reference: "localhost:5000/acme/shop@sha256:1", path: "acme/shop", digest: "sha256:1" },
  ...{ tags: ["sha-0123456", "latest", "1.4.2", "pr-42"], fixedTags: ["1.4.2"], bytes: 1, imageId: "", key: null },
  ...{ reusedFrom: null, bases: [], destinations: [], attestations: [], removedAt: null },
};

function step(number: number, name: string, cached: boolean): StepView {
  return { number, digest: "", name, cached, startedAt: at(3), completedAt: at(4), error: null };
}

describe("the headline of a build", () => {
  it("says what was built, in which time, and how much of it was cached", () => {
    const steps = [...Array(12).keys()].map((index) => step(index + 1, `[${index + 1}/12] RUN x`, index < 9));
    const chore = step(13, "exporting to image", false);
    const build: BuildView = {
      ...{ ...waiting, ...ended, result: "success", images: [image] },
      steps: { shop: [...steps, chore] },
    };
    expect(headline(build, 0)).to.equal("Built shop:1.4.2 in 38 s, 9 of 12 steps cached");
    const several = { ...build, images: [image, { ...image, service: "cart" }] };
    expect(headline(several, 0)).to.equal("Built 2 images in 38 s, 9 of 12 steps cached");
    const reused = { ...build, images: [{ ...image, reusedFrom: 3 }] };
    expect(headline(reused, 0)).to.equal("Tagged shop:1.4.2 in 38 s, made before by build 3");
  });

  it("says where it failed", () => {
    const failure: BuildView["failure"] = {
      ...{ kind: "step", code: "build_failed", message: "it failed", service: "shop", lastLines: [], hint: null },
      step: { number: 3, name: "[2/4] RUN npm ci", dockerfileLine: 4, exitCode: 1 },
    };
    const build: BuildView = { ...waiting, ...ended, result: "failure", failure };
    expect(headline(build, 0)).to.equal("Failed at step 3 of shop, RUN npm ci (exit code 1) after 38 s");
    expect(failureInShort(failure)).to.equal("step 3, RUN npm ci (exit code 1)");
    expect(failureInShort({ ...failure, step: null })).to.equal("it failed");
  });

  it("says what it waits for, what it does now and what is usual", () => {
    expect(headline({ ...waiting, queuedAhead: 2 }, 0)).to.equal("Waiting for 2 builds before it");
    const running: BuildView = { ...waiting, startedAt: at(2), attempts: 1, stage: "build", medianMs: 38_000 };
    expect(headline(running, Date.parse(at(14)))).to.equal("Building, 12 s so far, usually 38 s");
  });

  it("says why there is nothing", () => {
    const skip: BuildView = { ...waiting, ...ended, result: "skip", skipReason: "no changed file matches" };
    expect(headline(skip, 0)).to.equal("Nothing was built: no changed file matches");
    const cancelled: BuildView = { ...waiting, ...ended, result: "cancellation", cancelReason: "superseded by #9" };
    expect(headline(cancelled, 0)).to.equal("Cancelled after 38 s: superseded by #9");
  });

  it("has a title for every trigger", () => {
    const pullRequest = { number: 42, title: "Fix the cart", url: "", author: "ada", mergedBy: null };
    expect(titleOf({ ...waiting, pullRequest })).to.equal("#42 Fix the cart");
    expect(titleOf({ ...waiting, trigger: "manual", service: "shop", version: "1.4.2" })).to.equal("shop 1.4.2");
    expect(titleOf({ ...waiting, trigger: "base_image" })).to.equal("Base image changed");
  });
});
