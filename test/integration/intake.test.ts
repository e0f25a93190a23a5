// What the webhook listener answers to everything that is not a well-formed delivery: status, message, and nothing stored.

import { createHmac } from "node:crypto";
import { request } from "node:http";
import { expect } from "chai";
import { sign } from "../helpers/server-tester.ts";
import { Tester, webhookSecret } from "../helpers/tester.ts";

const ping = { zen: "Keep it logically awesome.", hook_id: 1 };

describe("the webhook listener", function () {
  this.timeout(60_000);
  let ci: Tester;
  before(async () => {
    const secrets = `${webhookSecret}\nthe secret that is on its way out`;
    ci = await Tester.start({ env: { MERGEDOCK_WEBHOOK_SECRETS: secrets } });
  });
  after(() => ci?.stop());

  it("answers a ping with 200", async () => {
    const answer = await ci.deliver({ event: "ping", payload: ping });
    expect(answer.status).to.equal(200);
    expect(JSON.parse(answer.body)).to.include({ verdict: "skip", reason: "ping: the hook is set up" });
  });

  it("takes a form as well as JSON, and each secret that is active", async () => {
    const form = await ci.deliver({ event: "ping", payload: ping, contentType: "application/x-www-form-urlencoded" });
    expect(form.status).to.equal(200);
    expect(
      (await ci.deliver({ event: "ping", payload: ping, secret: "the secret that is on its way out" })).status,
    ).to.equal(200);
  });

  it("answers an event that builds nothing with 202 and the reason", async () => {
    const answer = await ci.deliver({ event: "star", payload: { action: "created" } });
    expect(answer.status).to.equal(202);
    expect(JSON.parse(answer.body)).to.include({
      verdict: "skip",
      reason: "event star builds nothing; only pull_request does",
    });
  });

  const signed = (signature: string) => ({ "X-Hub-Signature-256": signature });
  const sha1 = `sha1=${createHmac("sha1", webhookSecret).update("{}").digest("hex")}`;
  const oneBitOff = sign("{}").replace(/.$/, (last) => (Number.parseInt(last, 16) ^ 1).toString(16));

  type Refused = [what: string, delivery: Parameters<Tester["deliver"]>[0], status: number, message: string];
  const refused: Refused[] = [
    ["T1: no signature", { secret: null }, 401, "the X-Hub-Signature-256 header is missing or malformed"],
    ["T1: an empty signature", { headers: signed("") }, 401, "the X-Hub-Signature-256 header is missing or malformed"],
    [
      "T1: a signature by SHA-1",
      { headers: signed(sha1) },
      401,
      "the X-Hub-Signature-256 header is missing or malformed",
    ],
    ["T1: a signature with one bit off", { headers: signed(oneBitOff) }, 401, "the signature does not fit"],
    [
      "T1: a wrong signature",
      { secret: "not the hook's secret" },
      401,
      "the signature does not fit: the hook's secret is not the one",
    ],
    [
      "no delivery id",
      { headers: { "X-GitHub-Delivery": "" } },
      400,
      "the header x-github-delivery is missing or malformed",
    ],
    [
      "T7: a compressed body",
      { headers: { "Content-Encoding": "gzip" } },
      415,
      "a compressed body is not taken; send it as it is",
    ],
  ];
  const unreadable: Refused[] = [
    ["a body that is not JSON", { payload: "{" }, 400, "the body is not JSON"],
    ["a body that is not the event's", { payload: ping }, 400, "the body is not that of a pull_request event"],
    [
      "another content type",
      { headers: { "Content-Type": "text/plain" } },
      415,
      'content type "text/plain" is not one of',
    ],
  ];
  for (const [kept, cases] of [
    [0, refused],
    [1, unreadable],
  ] as const) {
    for (const [what, delivery, status, message] of cases) {
      it(`answers ${what} with ${status}, says why, and keeps ${kept === 0 ? "nothing of it" : "it, because it is signed"}`, async () => {
        const before = await ci.countRows("delivery");
        const answer = await ci.deliver(delivery);
        expect(answer.status).to.equal(status);
        expect(answer.headers.get("content-type")).to.equal("application/problem+json");
        expect(JSON.parse(answer.body)).to.include({ status }).and.have.property("detail").that.contains(message);
        expect(await ci.countRows("delivery")).to.equal(before + kept);
      });
    }
  }

  it("refuses a known id with another body", async () => {
    const { guid } = await ci.deliver({ event: "ping", payload: ping });
    const answer = await ci.deliver({ event: "ping", payload: { ...ping, zen: "Other." }, guid });
    expect(answer.status).to.equal(409);
    expect(answer.body).to.contain("was stored before with another body");
  });

  it("T31: serves nothing but webhooks", async () => {
    const { origin } = new URL(ci.app.webhookUrl);
    for (const path of ["/", "/healthz", "/readyz", "/api/v1/builds", "/webhooks", "/webhooks/other"]) {
      expect((await fetch(origin + path)).status, path).to.equal(404);
    }
    expect((await fetch(ci.app.webhookUrl)).status).to.equal(405);
  });

  it("T5: answers 413 to a body that says it is too large, or that never ends", async () => {
    expect(await send({ "content-length": String(26 * 1024 * 1024) }, 0)).to.equal(413);
    expect(await send({ "transfer-encoding": "chunked" }, 40)).to.equal(413);
  });

  it("T5: takes no more bytes at once than it may, and answers 503 to those above", async () => {
    const half = [1, 2].map(() => announce(25 * 1024 * 1024, 25 * 1024 * 1024 - 1));
    await Promise.all(half.map(({ sent }) => sent));
    expect(await send({ "content-length": String(25 * 1024 * 1024) }, 25)).to.equal(503);
    for (const { end } of half) end();
    expect((await ci.deliver({ event: "ping", payload: ping })).status).to.equal(200);
  });

  it("T5: lets nobody take anything from others by announcing bytes that do not come", async () => {
    const idle = [1, 2, 3, 4].map(() => announce(25 * 1024 * 1024, 1));
    await Promise.all(idle.map(({ sent }) => sent));
    expect((await ci.deliver({ event: "ping", payload: ping })).status).to.equal(200);
    for (const { end } of idle) end();
  });

  it("T8: answers whatever is signed with 2xx or 4xx, and stores it or says why not", async () => {
    const pull = {
      number: 1,
      title: "t",
      html_url: "u",
      merged: true,
      merge_commit_sha: "a".repeat(40),
      base: { ref: "main" },
      user: null,
    };
    const event = { action: "closed", repository: { id: 1, full_name: "acme/odd" }, pull_request: pull };
    const odd: unknown[] = [
      ...[1, null, [], "", "\u0000", { __proto__: null }, { action: 1 }],
      { ...event, pull_request: { ...pull, number: 3_000_000_000 } },
      { ...event, pull_request: { ...pull, commits: 2 ** 40 } },
      { ...event, pull_request: { ...pull, title: "a\u0000b \ud800" } },
      { ...event, pull_request: { ...pull, base: { ref: "a\u0000" } } },
      { ...event, repository: { id: 1, full_name: "acme/\ud800\u0000" } },
      { ...event, repository: { id: 2 ** 60, full_name: "acme/odd" } },
      { ...event, action: "\u0000" },
    ];
    for (const payload of odd) {
      const answer = await ci.deliver({ payload: JSON.stringify(payload) });
      expect(answer.status, `${JSON.stringify(payload)}: ${answer.body}`).to.be.oneOf([202, 400]);
    }
  });

  /** Sends headers and then chunks of 1 MiB until the server has had enough; the status. */
  function send(headers: Record<string, string>, chunks: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const sending = request(ci.app.webhookUrl, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
      });
      sending.on("response", (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
        sending.destroy();
      });
      sending.on("error", reject);
      sending.flushHeaders();
      const chunk = Buffer.alloc(1024 * 1024, "x");
      for (let sent = 0; sent < chunks; sent += 1) sending.write(chunk);
    });
  }

  /** A request that announces its body and sends a part of it. */
  function announce(length: number, bytes: number): { readonly sent: Promise<void>; readonly end: () => void } {
    const headers = { "content-length": String(length), "content-type": "application/json" };
    const sending = request(ci.app.webhookUrl, { method: "POST", headers });
    sending.on("error", () => undefined);
    const sent = new Promise<void>((resolve) => sending.write(Buffer.alloc(bytes, "x"), () => resolve()));
    return { sent, end: () => sending.destroy() };
  }
});
