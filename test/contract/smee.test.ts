// What core/ports/tunnel.ts promises, of a channel of smee, against a fake that keeps of a body what the service keeps.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { WebhookDefinition } from "@octokit/webhooks-examples";
import { expect } from "chai";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import { createSmeeTunnel, type SmeeTrouble } from "../../ci-server/adapters/tunnel/smee.ts";
import type { ForgeRequest, Tunnel } from "../../ci-server/core/ports.ts";
import { sendDelivery } from "../../lab/send-delivery.ts";
import { FakeSmee } from "../fakes/smee.ts";
import { until, whyOf } from "../helpers/tunnel-state.ts";

// The package is JSON.
const examples: readonly WebhookDefinition[] = createRequire(import.meta.url)("@octokit/webhooks-examples");
const { signal } = new AbortController();
const here = { host: "127.0.0.1", port: 8088 };
const secret = "the secret of these tests";

describe("a channel of smee", function () {
  this.timeout(20_000);
  let fake: FakeSmee;
  let listener: Awaited<ReturnType<typeof startListener>>;
  let tunnel: Tunnel;
  let troubles: SmeeTrouble[];
  const url = () => fake.channel("abc");
  beforeEach(async () => {
    fake = await FakeSmee.start();
    listener = await startListener();
    troubles = [];
    tunnel = createSmeeTunnel({
      ...{ url: url(), bodyBytesMax: 100_000, retryMsMax: 10 },
      clock: { ...systemClock, sleep: (_ms, given) => systemClock.sleep(1, given) },
      forgeOf: (headers) => (headers["x-github-event"] === undefined ? null : "github"),
      isSigned: (_forge, { headers, body }) => headers["x-hub-signature-256"] === sign(body),
      report: (trouble) => troubles.push(trouble),
    });
    tunnel.open({ host: "127.0.0.1", port: listener.port });
    await until(tunnel, (state) => state.address !== null);
  });
  afterEach(async () => {
    await tunnel.close();
    await Promise.all([fake.stop(), listener.close()]);
  });

  it("is where a forge sends to, whichever it is", async () => {
    expect(await tunnel.look(signal)).to.deep.equal({ address: { url: url(), isChannel: true } });
  });

  it("brings each of GitHub's example payloads with its signature right", async () => {
    const all = examples.flatMap(({ name, examples: payloads }) => payloads.map((payload) => ({ name, payload })));
    for (const { name, payload } of all) await sendDelivery({ url: url(), secret, event: name, payload });
    await listener.got(all.length);
    expect(listener.requests.filter(({ path }) => path !== "/webhooks/github")).to.deep.equal([]);
    expect(
      listener.requests.filter(({ headers, body }) => headers["x-hub-signature-256"] !== sign(body)),
    ).to.deep.equal([]);
    expect(listener.requests.map(({ headers }) => headers["x-github-event"])).to.deep.equal(
      all.map(({ name }) => name),
    );
    expect([all.length, troubles]).to.deep.equal([329, []]);
  });

  it("brings what others than JSON.stringify have written, and says so where a number is lost", async () => {
    const send = (payload: string) => sendDelivery({ url: url(), secret, event: "push", payload });
    const odd = ['{"a":"\\u003cb\\u003e"}', '{"a":"https:\\/\\/x"}', '{"a":"\\u001B"}', '{\n  "a": 1\n}'];
    for (const body of odd) await send(body);
    await send('{"a":1.0}');
    await listener.got(5);
    expect(listener.requests.slice(0, 4).map(({ body }) => body.toString())).to.deep.equal(odd);
    expect(listener.requests.map(({ headers, body }) => headers["x-hub-signature-256"] === sign(body))).to.deep.equal([
      ...[true, true, true, true],
      false,
    ]);
    expect(troubles.map(({ event, what }) => [event, /such as 1.0/.test(what)])).to.deep.equal([["push", true]]);
  });

  it("is asked for nothing but what a forge sends, whatever somebody posts there", async () => {
    fake.write("abc", ": a comment\r\nevent: ping\r\ndata: {}\r\n\r\n");
    fake.write("abc", 'data: {"body":{},\ndata: "x-github-event":["push"]}\n\n');
    fake.write("abc", `data: ${"x".repeat(400_000)}\n\n`);
    fake.write("abc", `${`data: ${"x".repeat(100_000)}\n`.repeat(5)}\n`);
    fake.write("abc", "data: no json\n\n");
    const deep = `${'{"a":'.repeat(8_000)}1${"}".repeat(8_000)}`;
    fake.write("abc", `data: {"x-github-event":"push","body":${deep}}\n\n`);
    await sendDelivery({
      url: url(),
      secret,
      event: "ping",
      payload: {},
      headers: { cookie: "a=b", authorization: "x" },
    });
    await listener.until((requests) => requests.some(({ headers }) => headers["x-github-event"] === "ping"));
    const last = listener.requests.at(-1);
    expect(last?.headers).to.not.have.any.keys("cookie", "authorization", "timestamp", "query");
    expect(troubles.map(({ what }) => what).slice(0, 4)).to.deep.equal([
      "it is none of a known forge",
      "it is larger than limits.body_bytes_max",
      "it is larger than limits.body_bytes_max",
      "it is none of a known forge",
    ]);
  });

  it("is listened to again after it was closed, and hands in again what the listener could not take", async () => {
    fake.hangUp("abc");
    while (fake.opened < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    listener.statuses.push(503, 503);
    await sendDelivery({ url: url(), secret, event: "push", payload: { a: 1 } });
    await listener.got(3);
    expect(listener.answered).to.deep.equal([503, 503, 202]);
    expect(troubles).to.deep.equal([]);
  });

  it("says what is wrong with an address that is none", async () => {
    const other = createSmeeTunnel({
      ...{ url: `${url()}/deeper`, bodyBytesMax: 1, retryMsMax: 10, clock: systemClock },
      ...{ forgeOf: () => null, isSigned: () => false, report: () => undefined },
    });
    other.open(here);
    const state = await until(other, (given) => given.address === null && given.isTrouble);
    expect(whyOf(state)).to.match(
      /^none \(the channel \S+deeper cannot be listened to: it answered with 404\): local mode/,
    );
    await other.close();
  });
});

interface Taken extends ForgeRequest {
  readonly path: string;
  readonly body: Buffer;
}

/** Takes what comes with 202, or with the next of `statuses`. */
async function startListener() {
  const requests: Taken[] = [];
  const [statuses, answered]: [number[], number[]] = [[], []];
  const server = createServer(async (request, response) => {
    const headers = request.headers as ForgeRequest["headers"]; // none of these is sent twice
    requests.push({ path: request.url ?? "", headers, body: await buffer(request) });
    const status = statuses.shift() ?? 202;
    answered.push(status);
    response.writeHead(status).end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const until = async (isSo: (taken: readonly Taken[]) => boolean) => {
    while (!isSo(requests)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return {
    port: (server.address() as AddressInfo).port, // a listening TCP server has a port
    ...{ requests, statuses, answered, until },
    got: (count: number) => until(({ length }) => length >= count),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function sign(body: Uint8Array): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}
