// What becomes of a failed push: what may pass is tried again, what may not says what to do.

import { expect } from "chai";
import { toPushError } from "../../ci-server/adapters/push-error.ts";
import { retryAfterMs, unexpectedAnswer } from "../../ci-server/adapters/registry-http.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { type FailureKind, knownFailure } from "../../ci-server/core/failure.ts";
import { retryDelayMs } from "../../ci-server/core/retry.ts";

describe("a failed push", () => {
  // The engine's own words: 20.10 and 28.
  const table: [words: string, code: string, hint: string, kind?: FailureKind][] = [
    ["unauthorized: authentication required", "unauthorized", "check registry.username"],
    ["no basic auth credentials", "unauthorized", "check registry.username"],
    ["denied: requested access to the resource is denied", "unauthorized", "may not push there"],
    ["x509: certificate signed by unknown authority", "forbidden", "let the engine trust the CA"],
    ["http: server gave HTTP response to HTTPS client", "forbidden", "has to speak TLS"],
    ["received unexpected HTTP status: 500 Internal Server Error", "unavailable", "its own log", "registry"],
    ["received unexpected HTTP status: 503 Service Unavailable", "unavailable", "its own log", "registry"],
    ["toomanyrequests: slow down", "unavailable", "limits how often"],
    ["received unexpected HTTP status: 429 Too Many Requests", "unavailable", "limits how often"],
    ["read tcp 10.0.0.1:4->10.0.0.2:5000: read: connection reset by peer", "unavailable", ""],
    ["dial tcp 10.0.0.2:5000: connect: connection refused", "unavailable", "is the registry running?"],
    ["net/http: TLS handshake timeout", "unavailable", ""],
    ["dial tcp: lookup registry on 10.0.0.1:53: no such host", "unavailable", "registry.push_host"],
    ["unknown: write /var/lib/registry/x: no space left on device", "unavailable", "has no room", "disk"],
    ["received unexpected HTTP status: 507 Insufficient Storage", "unavailable", "has no room", "disk"],
    ["blob sha256:4135074291 upload: connection reset by peer", "unavailable", ""],
    ["error parsing HTTP 413 response body: invalid character '<'", "too_large", "client_max_body_size", "limit"],
    ["manifest invalid: manifest invalid", "internal", "does not take this image"],
    ["EOF", "unavailable", ""],
  ];
  for (const [words, code, hint, kind] of table) {
    it(`"${words}" is ${code}`, () => {
      const error = toPushError("registry.test:5000", new AppError("build_failed", words));
      expect(error).to.include({ code });
      expect((error as AppError).message)
        .to.contain(`pushing to registry.test:5000 failed: ${words}`)
        .and.contain(hint);
      const known = knownFailure(error as AppError); // seen above
      expect(known.kind).to.equal(kind);
      if (kind === "disk") expect(known.hint).to.contain("the registry's disk").and.contain("mergedock prune");
      if (kind === "limit") expect(known.hint).to.contain("client_max_body_size");
    });
  }

  it("tells of the registry itself that its disk is full, or that a body is too large for what stands before it", () => {
    const full =
      '{"errors":[{"code":"UNKNOWN","detail":{"DriverName":"filesystem","Enclosed":{"Op":"mkdir","Err":28}}}]}';
    const table: [status: number, text: string, code: string, kind: FailureKind | undefined][] = [
      [507, "", "unavailable", "disk"],
      [500, full, "unavailable", "disk"],
      [500, "write /x: no space left on device", "unavailable", "disk"],
      [413, "<html>413 Request Entity Too Large</html>", "too_large", "limit"],
      [500, "boom", "unavailable", undefined],
      [400, "no space left", "internal", undefined],
    ];
    for (const [status, text, code, kind] of table) {
      const error = unexpectedAnswer({ status, headers: {}, body: Buffer.from(text) }, "PUT x");
      expect([error.code, knownFailure(error).kind], text).to.deep.equal([code, kind]);
    }
  });

  it("is tried again after twice the time, or after as long as the registry asks for", () => {
    const policy = { attempts: 4, delayMs: 1_000, delayMsMax: 3_000 };
    const failed = (details = {}) => new AppError("unavailable", "gone", { details });
    expect([1, 2, 3, 4].map((attempt) => retryDelayMs(policy, attempt, failed()))).to.deep.equal([1e3, 2e3, 3e3, null]);
    expect(retryDelayMs(policy, 1, failed({ retryAfterMs: 20_000 }))).to.equal(20_000);
    expect(retryDelayMs(policy, 1, failed({ retryAfterMs: null }))).to.equal(1_000);
    // Neither a wrong password nor a CA that is not trusted passes by itself.
    for (const code of ["unauthorized", "forbidden"] as const)
      expect(retryDelayMs(policy, 1, new AppError(code, "no"))).to.equal(null);
  });

  it("reads Retry-After as seconds or as a date, within bounds", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    const read = (header: string | undefined) => retryAfterMs(header, now);
    expect(["7", "0", "99999", "Sat, 21 Nov 2026 12:00:30 GMT", "soon", undefined].map(read)).to.deep.equal([
      ...[7_000, 0, 300_000, 30_000, null, null],
    ]);
  });
});
