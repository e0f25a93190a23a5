// What a forge is told of a build, in which words, and when it is tried again.

import { expect } from "chai";
import type { Build, Failure, StoredImage } from "../../ci-server/core/build.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { code, codeBlock, oneLine } from "../../ci-server/core/markdown.ts";
import { checkRunsOf } from "../../ci-server/core/report/check-runs.ts";
import { commentMarker, commentOf } from "../../ci-server/core/report/comment.ts";
import { kindsOf, type ReportFacts, type Told } from "../../ci-server/core/report/report.ts";
import { retryOf } from "../../ci-server/core/report/retry.ts";
import { statusesOf } from "../../ci-server/core/report/statuses.ts";
import { tell } from "../../ci-server/flows/report-build.ts";
import { exampleBuild } from "../helpers/example-build.ts";

const digest = `sha256:${"ab12cd34ef56".repeat(5)}7890`;
const facts: ReportFacts = {
  ...{
    configured: ["shop"],
    lastPlanned: [],
    newer: [],
    bytesBefore: new Map(),
    url: "https://ci.example.com/builds/1",
  },
};
const times = { startedAt: new Date(1_000), finishedAt: new Date(5_200), attempts: 1 };
const planned = (...services: readonly string[]) =>
  services.map((service) => ({ service, verdict: "build", reason: "it was asked for" }) as const);
const skipped = { service: "web", verdict: "skip", reason: "no changed file matches its paths web/**" } as const;

function image(service = "shop", change: Partial<StoredImage> = {}): StoredImage {
  return {
    ...{ service, reference: `localhost:5000/acme/${service}@${digest}`, path: `acme/${service}`, digest },
    ...{ tags: ["pr-7", "latest"], fixedTags: [], bytes: 2 * 1024 * 1024, imageId: "", key: null, reusedFrom: null },
    ...{ bases: [], destinations: [], attestations: [], removedAt: null, ...change },
  };
}

function failure(change: Partial<Failure> = {}): Failure {
  return {
    ...{ code: "build_failed", message: "the step exited with 3", kind: "step", service: "shop", hint: "look at it" },
    step: { number: 3, name: "[2/3] RUN npm test", dockerfileLine: 7, exitCode: 3 },
    ...{ lastLines: ["1 failing"], dockerfile: "Dockerfile", ...change },
  };
}

const built = (change: Partial<Build> = {}) =>
  exampleBuild({ ...times, result: "success", plan: planned("shop"), images: [image()], ...change });
const failed = (change: Partial<Build> = {}) =>
  built({
    ...{ result: "failure", images: [], failure: failure() },
    stages: [{ name: "build", startedAt: new Date(2_000), ms: 3_000, result: "failure" }],
    ...change,
  });
const says = (build: Build, change: Partial<ReportFacts> = {}, told: Told = {}) =>
  statusesOf(build, { ...facts, ...change }, told).map(
    ({ context, state, description }) => `${context} ${state}: ${description}`,
  );

describe("statuses", () => {
  it("say what became of a build, with the time, the stage and the place", () => {
    const short = "sha256:ab12cd34ef56…";
    const table: readonly [Build, string][] = [
      [exampleBuild({ attempts: 0 }), "pending: waits in the queue"],
      [exampleBuild({ attempts: 2 }), "pending: is being built"],
      [built(), `success: built in 4.2 s: ${short}`],
      [built({ images: [image("shop", { reusedFrom: 12 })] }), `success: reused from build 12 in 4.2 s: ${short}`],
      [failed(), "failure: failed in build after 4.2 s: Dockerfile:7 exit code 3"],
      [
        failed({ result: "error", failure: failure({ step: null }) }),
        "error: error in build after 4.2 s: the step exited with 3",
      ],
      [
        failed({ result: "timeout", failure: failure({ step: null, message: "too long" }) }),
        "failure: timed out in build after 4.2 s: too long",
      ],
      [
        built({ result: "skip", images: [], skipReason: "no changed file matches" }),
        "success: nothing to build: no changed file matches",
      ],
      [
        built({ result: "cancellation", images: [], failure: failure({ message: "superseded by #43" }) }),
        "error: cancelled: superseded by #43",
      ],
      [
        built({ result: "cancellation", images: [], failure: failure({ message: "cancelled by hand" }) }),
        "error: cancelled by hand",
      ],
    ];
    for (const [build, text] of table) expect(says(build)).to.deep.equal([`ci/mergedock/shop ${text}`]);
  });

  it("are one for each image that is known: of the plan, of mergedock.yml, of the last plan, or one for all", () => {
    const queued = exampleBuild({ attempts: 0 });
    const names = (build: Build, change: Partial<ReportFacts>) =>
      statusesOf(build, { ...facts, ...change }, {}).map(({ context }) => context.slice("ci/mergedock".length));
    const lastPlanned = ["cart", "web"];
    expect(names(queued, { lastPlanned })).to.deep.equal(["/shop"]);
    expect(names(queued, { configured: null, lastPlanned })).to.deep.equal(["/cart", "/web"]);
    expect(names(queued, { configured: null })).to.deep.equal([""]);
    expect(names({ ...queued, service: "web" }, { configured: null, lastPlanned })).to.deep.equal(["/web"]);
    expect(names({ ...queued, plan: planned("a", "b") }, { lastPlanned })).to.deep.equal(["/a", "/b"]);
    expect(names({ ...queued, sha: null }, {})).to.deep.equal([]);
  });

  it("end what was pending of an image that is not built, or not there any more", () => {
    const told = { "ci/mergedock": { id: null, said: "" }, "ci/mergedock/old": { id: null, said: "" } };
    expect(says(built({ plan: [...planned("shop"), skipped] }), {}, told)).to.deep.equal([
      "ci/mergedock success: 1 image in 4.2 s",
      "ci/mergedock/old success: not an image of this commit",
      "ci/mergedock/shop success: built in 4.2 s: sha256:ab12cd34ef56…",
      "ci/mergedock/web success: not built: no changed file matches its paths web/**",
    ]);
  });

  it("of other images of a build say which one it failed with", () => {
    expect(says(failed({ plan: planned("shop", "cart") }))[1]).to.equal(
      "ci/mergedock/cart failure: not made: the build failed with shop",
    );
  });

  it("are silent where a later build of the same commit speaks", () => {
    const newer = { id: 2, sha: "a".repeat(40), service: null, pullRequest: 7, result: null };
    const two = built({ plan: planned("shop", "cart"), images: [image(), image("cart")] });
    expect(says(two, { newer: [newer] })).to.deep.equal([]);
    expect(says(two, { newer: [{ ...newer, service: "cart" }] }).map((line) => line.split(" ")[0])).to.deep.equal([
      "ci/mergedock/shop",
    ]);
    expect(says(two, { newer: [{ ...newer, sha: "b".repeat(40) }] })).to.have.length(2);
  });

  it("are at most 140 characters of one line", () => {
    const message = `one\n\u001b[31mtwo\u202e\u0000${"é😀".repeat(200)}`;
    const [status] = statusesOf(failed({ failure: failure({ step: null, message }) }), facts, {});
    expect(status?.description.length).to.be.within(138, 140);
    expect(status?.description)
      .to.match(/: one two /)
      .and.to.match(/…$/);
    expect(status?.description.isWellFormed()).to.equal(true);
  });
});

describe("check runs", () => {
  it("go from queued over running to a conclusion of each result", () => {
    const run = (build: Build) => checkRunsOf(build, facts, {})[0];
    expect(run(exampleBuild({ attempts: 0 }))).to.include({ startedAt: null, conclusion: null });
    expect(run(exampleBuild({ startedAt: times.startedAt }))).to.include({
      startedAt: times.startedAt,
      conclusion: null,
    });
    const conclusions = (["failure", "error", "timeout"] as const).map((result) => run(failed({ result }))?.conclusion);
    expect(conclusions).to.deep.equal(["failure", "failure", "timed_out"]);
    expect(run(built())).to.include({ conclusion: "success", completedAt: times.finishedAt });
    expect(run(built({ result: "cancellation", images: [], failure: failure() }))?.conclusion).to.equal("cancelled");
    expect(run(built({ result: "skip", images: [], skipReason: "x" }))?.conclusion).to.equal("skipped");
  });

  it("have the failing step's lines, and an annotation at the line, of the image that failed alone", () => {
    const [shop, cart] = checkRunsOf(
      failed({ plan: planned("shop", "cart"), failure: failure({ dockerfile: "shop/Dockerfile" }) }),
      facts,
      {},
    );
    expect(shop?.text).to.equal("```text\n1 failing\n```");
    expect(shop?.annotations).to.deep.equal([
      {
        path: "shop/Dockerfile",
        line: 7,
        title: "shop/Dockerfile:7 exit code 3",
        message: "the step exited with 3\n1 failing",
      },
    ]);
    expect([cart?.text, cart?.annotations]).to.deep.equal([null, []]);
  });
});

describe("the comment", () => {
  it("has each image with digest, tags and size, how it came about, and how to pull it", () => {
    const plan = [...planned("shop", "cart"), skipped];
    const images = [image(), image("cart", { reusedFrom: 12 })];
    const bytesBefore = new Map([["shop", 2 * 1024 * 1024 - 512]]);
    expect(commentOf(built({ plan, images }), { ...facts, bytesBefore })).to.equal(
      [
        commentMarker,
        "",
        "### ✅ 1 image built, 1 reused, 1 not touched in 4.2 s",
        "",
        "[Build 1](<https://ci.example.com/builds/1>) of `aaaaaaaaaaaa` by Mergedock",
        "",
        "| Image | Tags | Digest | Size | |",
        "| --- | --- | --- | --- | --- |",
        `| \`localhost:5000/acme/shop\` | \`pr-7\` \`latest\` | \`${digest}\` | 2.0 MiB (+512 bytes) | built |`,
        `| \`localhost:5000/acme/cart\` | \`pr-7\` \`latest\` | \`${digest}\` | 2.0 MiB (new) | reused from build 12 |`,
        "| `web` |  |  |  | not built: `no changed file matches its paths web/**` |",
        "",
        `\`\`\`text\ndocker pull localhost:5000/acme/shop@${digest}\ndocker pull localhost:5000/acme/cart@${digest}\n\`\`\``,
      ].join("\n"),
    );
  });

  it("says of a failure where it was, its last lines and what to do", () => {
    const text = commentOf(failed(), { ...facts, url: null });
    expect(text).to.contain("### ❌ Failed in build after 4.2 s\n\nBuild 1 of `aaaaaaaaaaaa` by Mergedock");
    for (const part of ["`Dockerfile:7 exit code 3`", "```text\n1 failing\n```", "Next: `look at it`"])
      expect(text).to.contain(part);
  });

  it("is none of a build that has not ended, was cancelled or skipped, has no pull request, or has a later one that told", () => {
    const newer = { id: 2, sha: null, service: null, pullRequest: 7, result: "failure" } as const;
    const none = [
      commentOf(exampleBuild(), facts),
      commentOf(built({ result: "cancellation" }), facts),
      commentOf(built({ result: "skip" }), facts),
      commentOf(built({ pullRequest: null }), facts),
      commentOf(built(), { ...facts, newer: [newer] }),
    ];
    expect(none).to.deep.equal(none.map(() => null));
    expect(commentOf(built(), { ...facts, newer: [{ ...newer, result: "cancellation" }] })).to.not.equal(null);
  });

  it("fits, however many images there are and however long their words", () => {
    const services = Array.from({ length: 300 }, (_none, index) => `s${index}`);
    const long = "`|".repeat(500);
    const images = services.map((service) =>
      image(service, { tags: Array.from({ length: 50 }, () => "t".repeat(128)) }),
    );
    const plan = [
      ...planned(...services),
      ...services.map((service) => ({ ...skipped, service: `x${service}`, reason: long })),
    ];
    const text = commentOf(built({ plan, images }), facts) ?? "";
    expect(text.length).to.be.below(65_536);
    expect(text).to.contain("And 560 more.").and.to.contain("docker pull");
    const lines = Array.from({ length: 20 }, () => "`".repeat(1_000));
    const step = { number: 1, name: long, dockerfileLine: null, exitCode: null };
    const worst = failed({ plan, images, failure: failure({ lastLines: lines, message: long, hint: long, step }) });
    expect(commentOf(worst, facts)?.length).to.be.within(40_000, 65_536);
  });
});

describe("what strangers wrote", () => {
  it("T33: is code that they cannot end: in a line, in a table and in a block", () => {
    expect(code("a `b` | <img> @you")).to.equal("``a `b` ¦ <img> @you``");
    expect(code("`")).to.equal("`` ` ``");
    expect(code("\n\u001b[1m \u202e")).to.equal("");
    expect(codeBlock(["```", "x\u0007", "````js"], 100)).to.equal("`````text\n```\nx \n````js\n`````");
    expect(oneLine("a\r\nb\u0000c", 100)).to.equal("a b c");
  });
});

describe("telling", () => {
  const parts = { secondsMax: 5, signal: new AbortController().signal };

  it("sends what differs from what was told, keeps each answer at once, and ends with the first refusal", async () => {
    const sent: string[] = [];
    const kept: Told[] = [];
    const telling = (name: string, said: string, answer: string | AppError) => ({
      ...{ name, said },
      send: async (id: string | null) => {
        sent.push(`${name} ${id}`);
        if (answer instanceof AppError) throw answer;
        return answer;
      },
    });
    const refusal = new AppError("forbidden", "no");
    const before = { a: { id: "1", said: "built" }, b: { id: "2", said: "pending" } };
    const tellings = [
      telling("a", "built", "x"),
      telling("b", "built", "2"),
      telling("c", "built", refusal),
      telling("d", "", "4"),
    ];
    const keep = async (told: Told) => void kept.push(told);
    expect(await tell(tellings, before, { ...parts, keep })).to.equal(refusal);
    expect(sent).to.deep.equal(["b 2", "c null"]);
    expect(kept).to.deep.equal([{ ...before, b: { id: "2", said: "built" } }]);
  });
});

describe("a report", () => {
  it("is of the kinds that are switched on, a check only where the access may make one, a comment only of a pull request", () => {
    const all = { status: true, check: true, comment: true };
    const merge = exampleBuild();
    expect(kindsOf(merge, all, true)).to.deep.equal(["status", "check", "comment"]);
    expect(kindsOf(merge, all, false)).to.deep.equal(["status", "comment"]);
    expect(kindsOf({ ...merge, trigger: "manual", pullRequest: null }, all, true)).to.deep.equal(["status", "check"]);
    for (const kind of ["status", "check", "comment"] as const)
      expect(kindsOf(merge, { ...all, [kind]: false }, true)).to.not.include(kind);
    expect(kindsOf({ ...merge, trigger: "base_image" }, all, true)).to.deep.equal([]);
  });

  it("waits as long as a forge asks for, twice as long each time, and holds the repository up while it does not answer", () => {
    const limited = { code: "rate_limited", details: { retryAfterMs: 90_000 } } as const;
    expect(retryOf(limited, 1)).to.deep.equal({ retryMs: 90_000, pauseMs: 90_000, isRefused: false });
    const down = { code: "unavailable", details: {} } as const;
    expect([1, 2, 3, 30].map((attempt) => retryOf(down, attempt).pauseMs)).to.deep.equal([
      1_000, 2_000, 4_000, 120_000,
    ]);
  });

  it("that is refused is tried slowly and alone; a commit that is not known yet soon, at first", () => {
    for (const refusal of ["unauthorized", "forbidden", "not_found"] as const)
      expect(retryOf({ code: refusal, details: {} }, 1)).to.deep.equal({
        retryMs: 30_000,
        pauseMs: 0,
        isRefused: true,
      });
    const lag = { code: "invalid", details: {} } as const;
    expect(retryOf(lag, 1)).to.deep.equal({ retryMs: 2_000, pauseMs: 0, isRefused: false });
    expect(retryOf(lag, 3).isRefused).to.equal(true);
  });
});
