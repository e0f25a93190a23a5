import { createHash, createHmac } from "node:crypto";
import type { EmitterWebhookEvent } from "@octokit/webhooks";
import { expect } from "chai";
import fc from "fast-check";
import type { Delivery, PullRequestEvent } from "../../ci-server/core/delivery.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { createGithub, type PullRequestPayload } from "../../ci-server/forges/github.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { realExample } from "../fakes/github/repositories.ts";

const secret = "It's a Secret to Everybody";
const github = createGithub(() => [secret]);

// Every payload that GitHub's own schema allows is one that the parser takes: checked by the compiler.
const _published: (payload: EmitterWebhookEvent<"pull_request.closed">["payload"]) => PullRequestPayload = (payload) =>
  payload;

function sign(body: Uint8Array | string, key = secret): string {
  return `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
}

function receive(body: Uint8Array | string, headers: Record<string, string | undefined> = {}, forge = github) {
  return forge.receive({
    headers: {
      "content-type": "application/json",
      "x-github-event": "pull_request",
      "x-github-delivery": "0b989ba4-242f-11e5-81e1-c7b6966d2516",
      "x-hub-signature-256": sign(body),
      ...headers,
    },
    body: Buffer.from(body),
  });
}

function codeOf(work: () => Delivery): string {
  try {
    const { event } = work();
    return event.kind === "unreadable" ? event.code : "accepted";
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

const payload = closedPullRequest({
  repository: { name: "acme/shop", defaultBranch: "main" },
  cloneUrl: "https://forge.test/acme/shop.git",
  pullRequest: {
    number: 7,
    title: "Add a cart",
    branch: "cart",
    base: "main",
    baseSha: "b".repeat(40),
    headSha: "c".repeat(40),
    commits: ["c"],
  },
  merge: { mergeCommitSha: "a".repeat(40) },
});
const body = JSON.stringify(payload);
describe("GitHub's signature", () => {
  it("T2: fits GitHub's own test vector", () => {
    const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    // The vector's body is no JSON: it is refused for that, after the signature was found right.
    expect(codeOf(() => receive("Hello, World!", { "x-hub-signature-256": signature }))).to.equal("invalid");
  });

  const refused: [string, string | undefined][] = [
    ["that is missing", undefined],
    ["that is empty", ""],
    ["of SHA-1", `sha1=${createHmac("sha1", secret).update(body).digest("hex")}`],
    ["with one bit off", sign(body).replace(/.$/, (last) => (Number.parseInt(last, 16) ^ 1).toString(16))],
    ["that is cut", sign(body).slice(0, -2)],
    ["of another secret", sign(body, "some other secret")],
    ["in capitals", sign(body).toUpperCase()],
  ];
  for (const [what, signature] of refused) {
    it(`T1: refuses one ${what}`, () => {
      expect(codeOf(() => receive(body, { "x-hub-signature-256": signature }))).to.equal("unauthorized");
    });
  }

  it("covers the bytes as they came, not what they mean", () => {
    const bytes = Buffer.concat([
      Buffer.from('{"zen":"a\\u003c\\/b","hook_id":1.0,"x":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    const signed = { "x-github-event": "ping" };
    expect(codeOf(() => receive(bytes, signed))).to.equal("invalid"); // not UTF-8, but signed: not "unauthorized"
    expect(receive('{"zen":"a\\u003c\\/b","hook_id":1.0}', signed).event.kind).to.equal("ping");
  });

  it("may be made with any of several secrets, so that one can be replaced", () => {
    const both = createGithub(() => ["the old secret, still in use", secret]);
    expect(receive(body, {}, both).guid).to.equal("0b989ba4-242f-11e5-81e1-c7b6966d2516");
    expect(
      receive(body, { "x-hub-signature-256": sign(body, "the old secret, still in use") }, both).event.kind,
    ).to.equal("pull_request");
  });
});

describe("GitHub's delivery", () => {
  it("of a merged pull request is read as such, from JSON or a form", () => {
    const form = new URLSearchParams({ payload: body }).toString();
    const events = [receive(body), receive(form, { "content-type": "application/x-www-form-urlencoded" })].map(
      ({ event }) => event as PullRequestEvent,
    );
    for (const event of events) {
      expect(event).to.include({ kind: "pull_request", action: "closed", repository: "acme/shop" });
      expect(event.pullRequest).to.include({
        number: 7,
        title: "Add a cart",
        merged: true,
        mergeCommitSha: "a".repeat(40),
        baseRef: "main",
      });
    }
  });

  it("tells what the rules ask of a pull request, with what stands for what GitHub leaves out", () => {
    const told = (change: object) => {
      const text = JSON.stringify({ ...payload, pull_request: { ...payload.pull_request, ...change } });
      return (receive(text).event as PullRequestEvent).pullRequest;
    };
    const labels = [{ id: 1, name: "image" }, { name: "no\0docs" }];
    const full = told({ body: "As\0 said", draft: true, labels, user: { login: "ada" }, merged_by: { login: "bob" } });
    expect(full).to.include({ author: "ada", mergedBy: "bob" });
    expect(full).to.deep.include({ body: "As said", draft: true, labels: ["image", "nodocs"] });
    expect(full).to.include({ headRef: "refs/pull/7/head", headSha: "c".repeat(40), commits: 1 });
    const bare = told({ body: null, draft: undefined, labels: undefined, head: undefined, commits: undefined });
    expect(bare).to.deep.include({ body: "", draft: false, labels: [], headSha: null, commits: 1 });
  });

  it("tells what the forge says of the repository, and loses no merge for odd words", () => {
    const told = (change: object) => {
      const { event } = receive(JSON.stringify({ ...payload, repository: { ...payload.repository, ...change } }));
      return (event as PullRequestEvent).about;
    };
    const license = { key: "mit", name: "MIT License", spdx_id: "MIT", url: null, node_id: "x" };
    expect(told({ description: "Sells\n things", license })).to.deep.equal({
      description: "Sells things",
      license: "MIT",
    });
    for (const odd of [null, undefined, 7, ["x"], {}, { spdx_id: 7 }])
      expect(told({ description: odd, license: odd })).to.deep.equal({ description: null, license: null });
  });

  it("tells a new comment on a pull request, and whether that is merged", () => {
    const told = (change: object, action = "created") => {
      const example = realExample("issue_comment", "created");
      const issue = { number: 7, state: "closed", pull_request: { merged_at: "2026-01-01T00:00:00Z" } };
      const user = { login: "octocat", type: "User" };
      const comment = { ...(example.comment as object), id: 99, body: "/mergedock rebuild", user, ...change };
      const repository = { ...(example.repository as object), full_name: "acme/shop" };
      const given = { ...example, action, issue: { ...(example.issue as object), ...issue }, comment, repository };
      return receive(JSON.stringify(given), { "x-github-event": "issue_comment" }).event;
    };
    expect(told({})).to.deep.include({
      ...{ kind: "comment", action: "created", repository: "acme/shop", number: 7, isMerged: true },
      ...{ commentId: "99", author: "octocat", isBot: false, body: "/mergedock rebuild" },
    });
    expect(told({ user: { login: "helper[bot]", type: "Bot" } })).to.include({ kind: "comment", isBot: true });
    for (const action of ["edited", "deleted"]) expect(told({}, action)).to.include({ kind: "other", action });
  });

  it("takes a comment's pull request for merged only where GitHub says so, and for unknown where it says nothing", () => {
    const told = (issue: object) => {
      const comment = { id: 1, body: "", created_at: "2026-01-01T00:00:00Z", user: null };
      const given = { action: "created", repository: { id: 5, full_name: "acme/shop" }, issue, comment };
      const { event } = receive(JSON.stringify(given), { "x-github-event": "issue_comment" });
      return event.kind === "comment" ? event.isMerged : event.kind;
    };
    expect(told({ number: 7, state: "closed", pull_request: { merged_at: "2026-01-01T00:00:00Z" } })).to.equal(true);
    expect(told({ number: 7, state: "closed", pull_request: { merged_at: null } })).to.equal(false);
    expect(told({ number: 7, state: "open", pull_request: {} })).to.equal(false);
    expect(told({ number: 7, state: "closed", pull_request: {} })).to.equal(null);
    expect(told({ number: 7, state: "open" })).to.equal("other");
    expect(told({ pull_request: {} })).to.equal("unreadable");
  });

  it("T4: has to be of the event that its header names", () => {
    expect(receive(body, { "x-github-event": "issue_comment" }).event.kind).to.equal("other");
    expect(receive(body, { "x-github-event": "push" }).event.kind).to.equal("other");
    expect(codeOf(() => receive(body, { "x-github-event": "ping" }))).to.equal("invalid");
    expect(codeOf(() => receive('{"zen":"x","hook_id":1}'))).to.equal("invalid");
  });

  it("needs an id and an event, and a body of a known type", () => {
    expect(codeOf(() => receive(body, { "x-github-delivery": undefined }))).to.equal("invalid");
    expect(codeOf(() => receive(body, { "x-github-delivery": "../x" }))).to.equal("invalid");
    expect(codeOf(() => receive(body, { "x-github-event": "__proto__!" }))).to.equal("invalid");
    expect(codeOf(() => receive(body, { "content-type": "text/plain" }))).to.equal("unsupported");
  });

  it("says what is wrong with a body", () => {
    const { event } = receive(JSON.stringify({ ...payload, pull_request: { ...payload.pull_request, number: "7" } }));
    expect(event).to.deep.include({
      kind: "unreadable",
      problem:
        "the body is not that of a pull_request event: ✖ Invalid input: expected number, received string\n  → at pull_request.number",
    });
  });

  it("T9: keeps the headers on the list and no other, and says which secret fitted", () => {
    const both = createGithub(() => ["the old secret, still in use", secret]);
    const { headers, secretId } = receive(body, { "x-github-encoded-secret": "c2VjcmV0", authorization: "x" }, both);
    expect(Object.keys(headers)).to.deep.equal(["content-type", "x-github-event", "x-github-delivery"]);
    expect(secretId).to.equal(createHash("sha256").update(secret).digest("hex").slice(0, 8));
  });

  it("reads again what it has read before", () => {
    const { name, headers, event } = receive(body);
    expect(github.read({ name, headers, body: Buffer.from(body) })).to.deep.equal(event);
  });

  it("T8: whatever it holds is answered with a code of ours, and no prototype is touched", function () {
    this.timeout(30_000);
    const odd = fc.oneof(
      fc.constantFrom(
        "1",
        "null",
        "[]",
        '""',
        "{",
        "",
        '{"__proto__":{"merged":true}}',
        `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
      ),
      fc.json(),
      fc.uint8Array({ maxLength: 200 }),
      fc.object({ withNullPrototype: true }).map((value) => JSON.stringify({ ...payload, pull_request: value })),
    );
    const names = fc.constantFrom("pull_request", "ping", "push", "__proto__", "constructor", "toString");
    fc.assert(
      fc.property(odd, names, (bytes, name) => {
        expect(codeOf(() => receive(bytes, { "x-github-event": name }))).to.be.oneOf(["accepted", "invalid"]);
      }),
      { numRuns: 10_000 },
    );
    expect(({} as { merged?: boolean }).merged).to.equal(undefined);
  });
});
