// What a failure is called and what it advises, by what the engines, registries and package managers really say.

import { expect } from "chai";
import type { Stage } from "../../ci-server/core/build.ts";
import type { ErrorCode } from "../../ci-server/core/errors.ts";
import { explainFailure } from "../../ci-server/core/explain-failure.ts";
import {
  describeFailure,
  type FailureKind,
  failedBuild,
  failureKinds,
  type KnownFailure,
} from "../../ci-server/core/failure.ts";
import { resultOf } from "../../ci-server/core/result.ts";

const old = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: ";
const unreachableHub =
  "dial tcp: lookup registry-1.docker.io on 10.0.0.53:53: dial udp 10.0.0.53:53: connect: network is unreachable";

/** What engine 20.10 was heard to say, then what 28 says of the same. */
const ofEngine: [message: string, step: string, kind: FailureKind, hint: RegExp][] = [
  [`${old}dockerfile parse error line 2: unknown instruction: COPPY`, "", "dockerfile", /^correct "COPPY"/],
  ["dockerfile parse error on line 2: unknown instruction: COPPY (did you mean COPY?)", "", "dockerfile", /"COPPY"/],
  [
    `${old}dockerfile parse error line 1: FROM requires either one or three arguments`,
    "",
    "dockerfile",
    /^correct the/,
  ],
  [`${old}dockerfile parse error line 5: Unknown flag: nope`, "", "dockerfile", /Dockerfile/],
  [`${old}no build stage in current context`, "", "dockerfile", /Dockerfile/],
  [`${old}the Dockerfile cannot be empty`, "", "dockerfile", /Dockerfile/],
  [`${old}file with no instructions`, "", "dockerfile", /Dockerfile/],
  [`${old}base name ($X) should not be blank`, "", "dockerfile", /Dockerfile/],
  [
    `${old}failed to parse stage name "UPPER/Case:::x": invalid reference format: repository name must be lowercase`,
    "",
    "dockerfile",
    /Dockerfile/,
  ],
  ['target stage "nope" could not be found', "", "dockerfile", /no "FROM ... AS nope"/],
  [
    'failed to compute cache key: "/nofile" not found: not found',
    "[3/3] COPY nofile /x",
    "context",
    /^commit "nofile", or let \.dockerignore/,
  ],
  [
    'failed to compute cache key: failed to calculate checksum of ref 9p1::x: "/nofile": not found',
    "[3/3] COPY nofile /x",
    "context",
    /^commit "nofile"/,
  ],
  [
    'failed to compute cache key: "/nofile" not found: not found',
    "[a 1/1] COPY --from=0 /nofile /b",
    "step",
    /last lines/,
  ],
  [
    `${old}failed to do request: Head "https://registry-1.docker.io/v2/library/x/manifests/1": ${unreachableHub}`,
    "",
    "base_image",
    /can reach it$/,
  ],
  [
    `failed to load cache key: failed to do request: Head "https://registry-1.docker.io/v2/library/x/manifests/latest": ${unreachableHub}`,
    "FROM docker.io/library/x:latest",
    "base_image",
    /reach/,
  ],
  [
    `${old}failed to do request: Head "https://r.test:5000/v2/a/b/manifests/1": x509: certificate signed by unknown authority`,
    "",
    "base_image",
    /trust/,
  ],
  [
    `${old}failed to do request: Head "http://localhost:5999/v2/a/b/manifests/1": dial tcp [::1]:5999: connect: connection refused`,
    "",
    "base_image",
    /runs/,
  ],
  [
    "x: failed to resolve source metadata for docker.io/library/nothing:1: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
    "",
    "base_image",
    /"registries"/,
  ],
  ["x: failed to resolve source metadata for r.test/a:1: r.test/a:1: not found", "", "base_image", /none of that name/],
  ["manifest for r.test/a:1 not found: manifest unknown: manifest unknown", "", "base_image", /none of that name/],
  [
    "toomanyrequests: You have reached your pull rate limit.",
    "[1/2] FROM docker.io/library/node:22",
    "base_image",
    /account/,
  ],
  [
    "secret tok not found",
    "[3/3] RUN --mount=type=secret,id=tok cat /run/secrets/tok",
    "secret",
    /"secrets" in mergedock\.yml/,
  ],
  [
    "executor failed running [/bin/sh -c npm ci]: network bridge not found",
    "[2/3] RUN npm ci",
    "engine",
    /^the engine has no network for steps: .*"bridge"/,
  ],
  ["executor failed running [/bin/sh -c x]: runtime not found", "[2/3] RUN x", "step", /last lines/],
  ["failed to copy files: copy file range failed: no space left on device", "[2/2] COPY . .", "disk", /make room/],
  [
    'failed to load cache key: Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    "http://127.0.0.1:1/x",
    "step",
    /./,
  ],
];

/** A step's exit code and what it printed last. */
const ofStep: [exitCode: number, lines: string[], kind: FailureKind, hint: RegExp][] = [
  [3, ["hello", "err"], "step", /docker build runs the same step/],
  [127, ["/bin/sh: nosuchcmd: not found"], "step", /^install nosuchcmd/],
  [127, ["/bin/bash: line 1: nosuchcmd: command not found"], "step", /^install nosuchcmd/],
  [127, [], "step", /a command was not found/],
  [126, [], "step", /--chmod=755/],
  [137, ["Killed"], "limit", /memory\.max .*docs\/engine\.md/],
  [139, [], "step", /segmentation/],
  [2, ["/bin/sh: can't fork: Resource temporarily unavailable"], "limit", /pids\.max .*docs\/engine\.md/],
  [
    1,
    ["runc run failed: unable to start container process: can't get final child's PID from pipe: EOF"],
    "limit",
    /no other one takes all .*pids\.max/,
  ],
  [254, ["bash: fork: retry: Resource temporarily unavailable"], "limit", /pids\.max/],
  [1, ["Error: spawn /bin/sh EAGAIN"], "limit", /pids\.max/],
  [2, ["runtime: failed to create new OS thread (have 7 already; errno=11)"], "limit", /pids\.max/],
  [1, ["OpenBLAS: pthread_create failed for thread 3 of 8: Resource temporarily unavailable"], "limit", /pids\.max/],
  [
    2,
    ["sh: can't fork: Resource temporarily unavailable", "sh: can't fork: Cannot allocate memory"],
    "limit",
    /raise pids\.max of/,
  ],
  [2, ["bash: fork: Cannot allocate memory"], "limit", /pids\.max and memory\.max .*docs\/engine\.md/],
  [1, ["tar: Cannot allocate memory"], "limit", /raise memory\.max .*docs\/engine\.md/],
  [1, ["c++: fatal error: Killed signal terminated program cc1plus"], "limit", /memory\.max/],
  [1, ["go: compile: signal: killed"], "limit", /memory\.max/],
  [1, ["building", "Killed"], "limit", /memory\.max/],
  [1, ["/bin/bash: line 1:    12 Killed                  ./big"], "limit", /memory\.max/],
  [
    134,
    ["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"],
    "limit",
    /max-old-space/,
  ],
  [1, ["Killed", "a later word"], "step", /last lines/],
  [
    100,
    ["E: Could not get lock /var/lib/dpkg/lock - open (11: Resource temporarily unavailable)"],
    "step",
    /last lines/,
  ],
  [
    1,
    ['runc run failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory'],
    "step",
    /has no \/bin\/sh/,
  ],
  [
    1,
    ['runc run failed: unable to start container process: exec: "/nosuch": stat /nosuch: no such file or directory'],
    "step",
    /has no \/nosuch/,
  ],
  [
    1,
    ["npm error code EUSAGE", "npm error The `npm ci` command can only install with an existing package-lock.json or"],
    "step",
    /package-lock\.json/,
  ],
  [1, ["error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`."], "step", /lock file/],
  [1, ["cp: write error: No space left on device"], "disk", /make room/],
  [1, ["exec /bin/node: exec format error"], "step", /platform/],
  [6, ["curl: (6) Could not resolve host: example.com"], "step", /network/],
  [1, ["ssl.SSLCertVerificationError: certificate verify failed"], "step", /CA/],
];

/** Errors of our own, by stage. */
const ofOurs: [code: ErrorCode, message: string, stage: Stage, kind: FailureKind, hint: RegExp][] = [
  ["timeout", "the build took longer than 5 s (limits.build_seconds_max)", "build", "timeout", /build_seconds_max/],
  ["timeout", "the engine said nothing for 600 s", "build", "timeout", /build_silence_seconds_max/],
  [
    "timeout",
    "https://f/a.git was not fetched within 900 s; limits.git_seconds_max allows no more",
    "fetch",
    "timeout",
    /git_seconds_max/,
  ],
  [
    "invalid",
    ".mergedock.yml has 70000 bytes; it may have 65536 at most",
    "plan",
    "recipe",
    /limits\.recipe_file_bytes_max/,
  ],
  [
    "invalid",
    ".mergedock.yml is a link; it has to be a regular file",
    "plan",
    "recipe",
    /commit \.mergedock\.yml itself/,
  ],
  ["cancelled", "cancelled by hand", "build", "cancelled", /ask for the build again/],
  ["cancelled", "superseded by #7", "queued", "cancelled", /build 7/],
  ["invalid", 'there is no folder none in this commit; check "context"', "build", "context", /"context"/],
  [
    "invalid",
    'there is no Other in . of this commit; check "dockerfile" and "context"',
    "build",
    "dockerfile",
    /commit Other in \./,
  ],
  ["invalid", ".dockerignore has to be a regular file of at most 65536 bytes", "build", "context", /context/],
  [
    "unavailable",
    "the Docker engine at unix:///x cannot be reached: ENOENT; is it running?",
    "build",
    "engine",
    /readyz/,
  ],
  ["unavailable", "the registry https://r cannot be reached: ECONNREFUSED", "build", "registry", /runs/],
  [
    "unavailable",
    "pushing to r failed: dial tcp: connection refused; is the registry running?",
    "push",
    "registry",
    /runs/,
  ],
  [
    "unauthorized",
    'the registry https://r refuses user "ci"; check registry.username',
    "prove",
    "registry",
    /password_file/,
  ],
  ["forbidden", "the certificate of https://r is not signed by the configured CA", "prove", "registry", /ca_file/],
  [
    "conflict",
    "tag a:1 names x and not y; something else writes this tag",
    "prove",
    "registry",
    /nothing but this server/,
  ],
  [
    "unavailable",
    "main of http://f/a.git could not be fetched: fatal: unable to access",
    "fetch",
    "git",
    /forge answers/,
  ],
  [
    "not_found",
    "acme/shop has no refs/tags/x; a branch, a tag, or a commit with all of its digits can be built",
    "fetch",
    "git",
    /branch, a tag/,
  ],
  ["conflict", "abc is not on main of acme/shop; it is not built", "fetch", "git", /rewritten/],
  ["too_large", "the repository has more than 1 GiB", "fetch", "limit", /raise the limit/],
  ["invalid", "something about the file", "plan", "recipe", /mergedock\.yml/],
  ["internal", "a stage ran before the one that it needs", "build", "internal", /server's own log/],
];

describe("a failure", () => {
  for (const [message, step, kind, hint] of ofEngine)
    it(`of the engine is ${kind}: ${message}`, () => {
      const known = step === "" ? {} : { step: { number: 4, name: step, dockerfileLine: 3, exitCode: null } };
      expectKind(explain("build_failed", message, "build", known), kind, hint);
    });

  for (const [exitCode, lines, kind, hint] of ofStep)
    it(`of a step is ${kind}: exit code ${exitCode}, ${lines.at(-1) ?? "without a word"}`, () => {
      const step = { number: 4, name: "[2/3] RUN x", dockerfileLine: 3, exitCode };
      for (const message of [
        `executor failed running [/bin/sh -c x]: exit code: ${exitCode}`,
        `process "/bin/sh -c x" did not complete successfully: exit code: ${exitCode}`,
      ]) {
        const failure = explain("build_failed", message, "build", { step }, lines);
        expectKind(failure, kind, hint);
        expect(failure).to.deep.include({ step, lastLines: lines });
      }
    });

  for (const [code, message, stage, kind, hint] of ofOurs)
    it(`in ${stage} is ${kind}: ${message}`, () => expectKind(explain(code, message, stage), kind, hint));

  it("T21: of a step that was refused processes until its time was over names the engine's cap", () => {
    const lines = ["sh: can't fork: Resource temporarily unavailable"];
    const failure = explain("timeout", "the engine said nothing for 600 s", "build", {}, lines);
    expectKind(failure, "timeout", /pids\.max/);
  });

  it("T21: of a step that never began for want of processes is the limit's", () => {
    const words =
      "runc run failed: unable to start container process: fork/exec /proc/self/exe: resource temporarily unavailable";
    const step = { number: 4, name: "[2/3] RUN x", dockerfileLine: 3, exitCode: null };
    expectKind(explain("build_failed", words, "build", { step }), "limit", /pids\.max/);
  });

  it("is what whoever throws it says, and has what that leaves out", () => {
    const failure = explain("conflict", "1.0.0 has other content", "push", { kind: "tag_exists", service: "cart" });
    expect(failure).to.include({ kind: "tag_exists", service: "cart", step: null });
    expect(failure.hint).to.contain("new version");
    expect(explain("conflict", "x", "push", { hint: "do this" }).hint).to.equal("do this");
  });

  it("advises something, whatever its kind", () => {
    for (const kind of failureKinds) expect(explain("invalid", "x", "plan", { kind }).hint).to.match(/^\S.{10}/);
  });

  it("of a full disk, or of what the engine lacks, is ours, whoever has found it", () => {
    expect(resultOf("build_failed", "engine")).to.equal("error");
    expect(resultOf("build_failed", "disk")).to.equal("error");
    expect(resultOf("build_failed", "step")).to.equal("failure");
  });

  it("is told line by line", () => {
    const step = { number: 4, name: "[2/3] RUN x", dockerfileLine: 3, exitCode: 3 };
    const failure = {
      kind: "step",
      service: "cart",
      step,
      lastLines: ["hello", "y".repeat(600)],
      hint: "do it",
    } as const;
    expect(describeFailure(failure, "services/cart/Dockerfile")).to.deep.equal([
      "  kind       step",
      "  service    cart",
      "  step       #4 [2/3] RUN x",
      "  where      services/cart/Dockerfile:3",
      "  exit code  3",
      "  last lines",
      "    | hello",
      `    | ${"y".repeat(500)}`,
      "  next       do it",
    ]);
    const bare = { kind: "cancelled", service: null, step: null, lastLines: [], hint: null } as const;
    expect(describeFailure(bare, "Dockerfile")).to.deep.equal(["  kind       cancelled"]);
  });
});

function explain(
  code: ErrorCode,
  message: string,
  stage: Stage,
  known: KnownFailure = {},
  lastLines: readonly string[] = [],
) {
  return explainFailure(failedBuild(code, message, known), { stage, lastLines });
}

function expectKind(failure: ReturnType<typeof explain>, kind: FailureKind, hint: RegExp): void {
  expect(failure.kind, failure.message).to.equal(kind);
  expect(failure.hint).to.match(hint);
}
