import { createHash, createHmac } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { decide } from "../../ci-server/core/decide.ts";
import type { Delivery, PullRequestEvent } from "../../ci-server/core/delivery.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { createGitea } from "../../ci-server/forges/gitea.ts";
import { giteaFixture } from "../fakes/gitea/payloads.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const secret = "It's a Secret to Everybody";
const gitea = createGitea(() => [secret]);
const payload = giteaFixture("pull-request-closed");
const pull = payload.pull_request as object; // the fixture's
const repository = payload.repository as object; // the same
const body = text(payload);
const guid = "8b1c2f0e-6d2b-4c0e-9d7e-2f4f7f0f5a11";

/** As it is sent. */
function text(json: object): string {
  return JSON.stringify(json, null, 2);
}

function sign(signed: Uint8Array | string, key = secret): string {
  return createHmac("sha256", key).update(signed).digest("hex");
}

function receive(sent: Uint8Array | string, headers: Record<string, string | undefined> = {}, forge = gitea): Delivery {
  return forge.receive({
    headers: {
      ...{ "content-type": "application/json", "x-gitea-event": "pull_request", "x-gitea-delivery": guid },
      ...{ "x-gitea-signature": sign(sent), ...headers },
    },
    body: Buffer.from(sent),
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

/** Of a pull request that is told of with this. */
function told(change: object): PullRequestEvent["pullRequest"] {
  return (receive(text({ ...payload, pull_request: { ...pull, ...change } })).event as PullRequestEvent).pullRequest;
}

describe("Gitea's signature", () => {
  const refused: [string, string | undefined][] = [
    ["that is missing", undefined],
    ["that is empty, as of a hook without a secret", ""],
    ["of SHA-1", createHmac("sha1", secret).update(body).digest("hex")],
    ["with GitHub's prefix", `sha256=${sign(body)}`],
    ["with one bit off", sign(body).replace(/.$/, (last) => (Number.parseInt(last, 16) ^ 1).toString(16))],
    ["of another secret", sign(body, "some other secret")],
    ["in capitals", sign(body).toUpperCase()],
  ];
  for (const [what, signature] of refused)
    it(`T1: refuses one ${what}`, () => {
      expect(codeOf(() => receive(body, { "x-gitea-signature": signature }))).to.equal("unauthorized");
    });

  it("is not taken from GitHub's header, which any GitHub can send", () => {
    const headers = { "x-gitea-signature": undefined, "x-hub-signature-256": `sha256=${sign(body)}` };
    expect(() => receive(body, headers)).to.throw("the X-Gitea-Signature header is missing, empty or malformed");
  });

  it("may be made with any of several secrets, so that one can be replaced", () => {
    const old = "the old secret, still in use";
    const both = createGitea(() => [old, secret]);
    for (const key of [secret, old]) {
      const { secretId } = receive(body, { "x-gitea-signature": sign(body, key) }, both);
      expect(secretId).to.equal(createHash("sha256").update(key).digest("hex").slice(0, 8));
    }
  });

  it("of a form is that of its JSON, as the code makes it, or that of the body, as the documentation says", () => {
    const form = new URLSearchParams({ payload: body }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    for (const signed of [body, form]) {
      const { event } = receive(form, { ...headers, "x-gitea-signature": sign(signed) });
      expect(event).to.include({ kind: "pull_request", repository: "acme/shop" });
    }
    const none = [form.replace("payload=", "payload=%"), `a=b&${form}`, `${form}&payload=%7B%7D`, form.slice(1)];
    // What was signed is what is read: of this one the form ends at the first &.
    const ampersand = text({ ...payload, commit_id: "a&b" });
    const raw = `payload=${encodeURIComponent(ampersand).replaceAll("%26", "&")}`;
    expect(codeOf(() => receive(raw, { ...headers, "x-gitea-signature": sign(ampersand) }))).to.equal("unauthorized");
    for (const other of none)
      expect(codeOf(() => receive(other, { ...headers, "x-gitea-signature": sign(body) }))).to.equal("unauthorized");
  });

  it("of a form is that of its bytes, whatever they are written as", () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const spoken = text({ ...payload, commit_id: "a + b % ü 🚀" });
    const inFull = [...Buffer.from(spoken)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
    for (const form of [new URLSearchParams({ payload: spoken }).toString(), `payload=${inFull}`])
      expect(codeOf(() => receive(form, { ...headers, "x-gitea-signature": sign(spoken) }))).to.equal("accepted");
    for (const cut of ["%", "%2", "%2x", "%x2"])
      expect(codeOf(() => receive(`payload=${cut}`, { ...headers, "x-gitea-signature": sign("") }))).to.equal(
        "unauthorized",
      );
  });

  it("T5: of a form that nobody signed is looked for in little more memory than the form takes", () => {
    const form = Buffer.alloc(25 * 1024 * 1024, "+");
    form.write("payload=");
    const headers = { "content-type": "application/x-www-form-urlencoded", "x-gitea-signature": sign("another") };
    const beforeKib = process.resourceUsage().maxRSS;
    expect(codeOf(() => gitea.receive({ headers, body: form }))).to.equal("unauthorized");
    expect(process.resourceUsage().maxRSS - beforeKib).to.be.below(100 * 1024);
  });
});

describe("Gitea's delivery", () => {
  it("of a merged pull request is read as such", () => {
    const delivery = receive(body);
    expect(delivery).to.include({ forge: "gitea", name: "pull_request", guid, hookId: null });
    const event = delivery.event as PullRequestEvent; // the next line sees it
    expect(event).to.include({ kind: "pull_request", action: "closed", repository: "acme/shop", repositoryId: 1 });
    expect(event.about).to.deep.equal({ description: "Sells things", license: "MIT" });
    expect(event.pullRequest).to.deep.equal({
      ...{ number: 7, title: "Add a cart", body: "", url: "https://git.acme.test/acme/shop/pulls/7", draft: false },
      ...{ labels: ["image"], merged: true, mergeCommitSha: "a".repeat(40), baseRef: "main" },
      ...{ headRef: "refs/pull/7/head", headSha: "c".repeat(40), commits: null, mergeBase: "b".repeat(40) },
      ...{ author: "ada", mergedBy: "bob" },
    });
  });

  it("of Forgejo is read by Forgejo's own headers", () => {
    const none = { "x-gitea-event": undefined, "x-gitea-delivery": undefined, "x-gitea-signature": undefined };
    const own = {
      ...{ "x-forgejo-event": "pull_request", "x-forgejo-event-type": "pull_request", "x-forgejo-delivery": guid },
      ...{ "x-forgejo-signature": sign(body) },
    };
    const { headers, ...delivery } = receive(body, { ...none, ...own });
    expect(delivery).to.include({ forge: "gitea", name: "pull_request", guid });
    expect(Object.keys(headers)).to.have.members([
      ...["content-type", "x-forgejo-event", "x-forgejo-event-type", "x-forgejo-delivery"],
    ]);
    expect(codeOf(() => receive(body, { ...none, ...own, "x-forgejo-signature": sign("x") }))).to.equal("unauthorized");
  });

  it("tells what an older version leaves out, and what a forge has none of", () => {
    const { licenses: _later, ...older } = repository as { licenses?: unknown };
    const { event } = receive(text({ ...payload, repository: older }));
    expect((event as PullRequestEvent).about.license).to.equal(null);
    expect(told({ draft: undefined, labels: null, body: null, user: null })).to.deep.include({
      ...{ draft: false, labels: [], body: "", author: "ghost" },
    });
    expect(told({ head: { sha: "" }, merge_base: "" })).to.include({ headSha: null, mergeBase: null });
    expect(told({ merged: false, merge_commit_sha: null, merged_by: null })).to.include({
      merged: false,
      mergedBy: null,
    });
  });

  it("of a hook's test is a ping under that name, and can be read again", () => {
    const test = text(giteaFixture("push-test"));
    const delivery = receive(test, { "x-gitea-event": "push" });
    expect(delivery).to.deep.include({
      ...{ name: "ping", event: { kind: "ping", action: null, repository: "acme/shop" } },
    });
    const { name, headers, event } = delivery;
    expect(gitea.read({ name, headers, body: Buffer.from(test) })).to.deep.equal(event);
    expect(decide(event, [], delivery).reason).to.equal("ping: the hook is set up");
    const push = text({ ...giteaFixture("push-test"), before: "d".repeat(40) });
    expect(receive(push, { "x-gitea-event": "push" })).to.deep.include({ name: "push" });
    expect(receive(push, { "x-gitea-event": "push" }).event.kind).to.equal("other");
  });

  it("T4: has to be of the event that its header names", () => {
    expect(receive(body, { "x-gitea-event": "push" }).event.kind).to.equal("other");
    expect(codeOf(() => receive(text(giteaFixture("push-test"))))).to.equal("invalid");
  });

  it("needs an id and an event, and a body of a known type", () => {
    for (const headers of [{ "x-gitea-delivery": undefined }, { "x-gitea-delivery": "../x" }, { "x-gitea-event": "!" }])
      expect(codeOf(() => receive(body, headers))).to.equal("invalid");
    expect(codeOf(() => receive(body, { "content-type": "text/plain" }))).to.equal("unsupported");
  });

  it("says what is wrong with a body", () => {
    const { event } = receive(text({ ...payload, pull_request: { ...pull, number: "7" } }));
    expect(event).to.deep.include({
      kind: "unreadable",
      problem:
        "the body is not that of a pull_request event: ✖ Invalid input: expected number, received string\n  → at pull_request.number",
    });
  });

  it("T9: keeps the headers on the list and no other", () => {
    const { headers } = receive(body, { authorization: "x", "x-github-encoded-secret": "x", "x-gogs-event": "x" });
    expect(Object.keys(headers)).to.deep.equal(["content-type", "x-gitea-event", "x-gitea-delivery"]);
  });

  it("T8: whatever it holds is answered with a code of ours, and no prototype is touched", function () {
    this.timeout(30_000);
    const odd = fc.oneof(
      fc.constantFrom("1", "null", "[]", '""', "{", "", '{"__proto__":{"merged":true}}'),
      fc.json(),
      fc.uint8Array({ maxLength: 200 }),
      fc.object({ withNullPrototype: true }).map((value) => JSON.stringify({ ...payload, pull_request: value })),
    );
    const names = fc.constantFrom("pull_request", "ping", "push", "__proto__", "constructor");
    const types = fc.constantFrom("application/json", "application/x-www-form-urlencoded");
    fc.assert(
      fc.property(odd, names, types, (bytes, name, type) => {
        const code = codeOf(() => receive(bytes, { "x-gitea-event": name, "content-type": type }));
        expect(code).to.be.oneOf(["accepted", "invalid"]);
      }),
      { numRuns: 2_000 },
    );
    expect(({} as { merged?: boolean }).merged).to.equal(undefined);
  });
});

describe("a delivery of one forge", () => {
  const onGitea = exampleRepository({ forge: { name: "gitea", apiUrl: null, tokenFile: null } });

  it("builds a repository of that forge, and no other one of the same name", () => {
    const { event } = receive(body);
    const sent = (forge: string) => ({ forge, name: "pull_request" });
    expect(decide(event, [onGitea], sent("gitea")).verdict).to.equal("build");
    expect(decide(event, [exampleRepository()], sent("github")).verdict).to.equal("build");
    for (const [given, forge, other] of [
      [onGitea, "github", "gitea"],
      [exampleRepository(), "gitea", "github"],
    ] as const) {
      const { verdict, reason, rules } = decide(event, [given], sent(forge));
      expect(verdict).to.equal("skip");
      expect(reason).to.equal(
        `this came from ${forge} (/webhooks/${forge}), and acme/shop lives on ${other}: have its webhook lead to /webhooks/${other}, or say "forge: ${forge}" in mergedock.yml`,
      );
      expect(rules.at(-1)).to.deep.equal({ rule: "forge", passed: false, saw: forge });
    }
  });
});
