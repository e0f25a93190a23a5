import { expect } from "chai";
import { explainFailure } from "../../ci-server/adapters/buildkit-failure.ts";
import type { TraceFailure } from "../../ci-server/adapters/buildkit-trace.ts";
import { AppError } from "../../ci-server/core/errors.ts";

const dockerfile = "FROM scratch\nCOPY a /\nRUN x\n";

function explain(message: string, failures: readonly TraceFailure[] = [], details = {}): AppError {
  const error = new AppError("build_failed", message, { details });
  return explainFailure({ error, failures, dockerfile, target: null });
}

/** The step whose error the engine's words are. */
function failed(name: string, error: string): TraceFailure {
  const at = new Date(0);
  const step = { number: 4, digest: "", name, cached: false, startedAt: at, completedAt: at, error };
  return { name, error, step };
}

const run = "[2/2] RUN x";

/** Words of 20.10 and of 26 and 28, as they came. */
const told: readonly (readonly [message: string, failure: object, name?: string])[] = [
  ["executor failed running [/bin/sh -c x]: exit code: 3", { kind: "step", "step.dockerfileLine": 3 }, run],
  [
    'process "/bin/sh -c x" did not complete successfully: exit code: 3',
    { kind: "step", "step.dockerfileLine": 3 },
    run,
  ],
  ["executor failed running [/bin/sh -c x]: exit code: 137", { kind: "limit" }, run],
  ['process "/bin/sh -c x" did not complete successfully: exit code: 137', { kind: "limit" }, run],
  [
    'failed to compute cache key: "/a" not found: not found',
    { kind: "context", "step.dockerfileLine": 2 },
    "[1/2] COPY a /",
  ],
  [
    'failed to compute cache key: failed to calculate checksum of ref 4d6026c6::uwbr: "/a": not found',
    { kind: "context", errorText: '"/a": not found' },
    "[1/2] COPY a /",
  ],
  [
    "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2: unknown instruction: X",
    { kind: "dockerfile", "step.dockerfileLine": 2, "step.name": "COPY a /", "step.number": null },
  ],
  ["dockerfile parse error on line 2: unknown instruction: X", { kind: "dockerfile", "step.dockerfileLine": 2 }],
  ["failed to load LLB: network.host is not allowed", { kind: "dockerfile", errorText: "network.host is not allowed" }],
  ["secret tok2 not found: not found", { kind: "secret" }, run],
  ["secret tok2: not found", { kind: "secret" }, run],
  ["write /x: no space left on device", { kind: "disk" }, run],
];

describe("what an engine says when a build fails", () => {
  for (const [message, failure, name] of told)
    it(`is understood: ${message}`, () => {
      const words = message.replace(/^failed to compute cache key: /, "");
      const error = explain(message, name === undefined ? [] : [failed(name, words)]);
      expect(error.code).to.equal("build_failed");
      for (const [field, known] of Object.entries(failure))
        expect(error.details.failure).to.have.nested.property(field, known);
    });

  it("is of the step that failed, not of one that was broken off with it", () => {
    const failures = [failed("[a 1/1] RUN y", "context canceled"), failed(run, "exit code: 1")];
    expect(explain("exit code: 1", failures).details.failure).to.have.nested.property("step.name", run);
  });

  it("is about a base image when BuildKit could not look at it", () => {
    const name = "[internal] load metadata for ghcr.io/acme/base:1";
    const words =
      'failed to do request: Head "https://ghcr.io/v2/acme/base/manifests/1": x509: certificate signed by unknown authority';
    const error = explain(`failed to solve: ${words}`, [{ name, error: words, step: null }]);
    expect(error).to.include({ code: "forbidden" });
    expect(error.message).to.match(
      /^the base image ghcr\.io\/acme\/base:1 cannot be had: .*certs\.d\/ghcr\.io\/ca\.crt/,
    );
  });

  it("is trouble of ours when the engine has lost the session", () => {
    const error = explain("no active session for 4917c4a9: context deadline exceeded", [
      failed(run, "no active session"),
    ]);
    expect(error).to.include({ code: "unavailable" });
  });

  it("is left as it is when the engine refused the build before it began", () => {
    expect(explain("invalid reference", [], { statusCode: 400 }).details).to.deep.equal({ statusCode: 400 });
  });
});
