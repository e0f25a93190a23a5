// What core/ports/tunnel.ts promises, of each tunnel: ngrok's agent and smee against fakes, ngrok's package as far as it goes without
// its service.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { WebhookDefinition } from "@octokit/webhooks-examples";
import { expect } from "chai";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import { type AgentOptions, createAgentTunnel } from "../../ci-server/adapters/tunnel/agent.ts";
import { createAutoTunnel } from "../../ci-server/adapters/tunnel/auto.ts";
import { createSdkTunnel, type Sdk, type SdkListener } from "../../ci-server/adapters/tunnel/sdk.ts";
import { createSmeeTunnel, type SmeeTrouble } from "../../ci-server/adapters/tunnel/smee.ts";
import type { Clock, ForgeRequest, Tunnel, TunnelState, TunnelTarget } from "../../ci-server/core/ports.ts";
import { sendDelivery } from "../../lab/send-delivery.ts";
import { type AgentMood, FakeNgrokAgent } from "../fakes/ngrok-agent.ts";
import { FakeSmee } from "../fakes/smee.ts";

// The package is JSON.
const examples: readonly WebhookDefinition[] = createRequire(import.meta.url)("@octokit/webhooks-examples");
const { signal } = new AbortController();
const here: TunnelTarget = { host: "127.0.0.1", port: 8088 };
const secret = "the secret of these tests";

describe("ngrok's agent", () => {
  let fake: FakeNgrokAgent;
  beforeEach(async () => {
    fake = await FakeNgrokAgent.start();
  });
  afterEach(() => fake.stop());

  const open = (target = here, options: Partial<AgentOptions> = {}) => {
    const tunnel = createAgentTunnel({ agentUrl: fake.url, isWanted: false, ...options });
    tunnel.open(target);
    return tunnel;
  };
  const lead = (name: string, leadsTo: string) => fake.addTunnel(leadsTo, { name, publicUrl: `https://${name}.test` });

  for (const mood of ["well", "older"] as const)
    it(`says which of its tunnels leads to us, when it is ${mood}`, async () => {
      await fake.be(mood);
      lead("other", "http://localhost:3000");
      lead("ours", "http://localhost:8088");
      expect(await open().look(signal)).to.deep.equal({ address: { url: "https://ours.test", isChannel: false } });
    });

  it("is not believed that a tunnel to another port, protocol or machine is ours", async () => {
    const tunnel = open();
    expect(whyOf(await tunnel.look(signal))).to.contain("has no tunnel yet");
    for (const [name, leadsTo] of [
      ["port", "http://localhost:8080"],
      ["tls", "https://localhost:8088"],
      ["machine", "http://192.0.2.7:8088"],
      ["name", "http://no-such-name.invalid:8088"],
    ] as const)
      lead(name, leadsTo);
    expect(await tunnel.look(signal)).to.deep.equal({
      address: null,
      isTrouble: true,
      why: `none (the ngrok agent at ${fake.url} has no tunnel to 127.0.0.1:8088, only to http://localhost:8080, https://localhost:8088, http://192.0.2.7:8088): local mode, the webhook is reachable from this machine only`,
    });
  });

  it("of another machine means itself by localhost", async () => {
    // Any name that is none of loopback's, as a container has one, and that leads to the fake.
    const agentUrl = fake.url.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    lead("itself", "http://localhost:8088");
    const everywhere = { host: "0.0.0.0", port: 8088 };
    expect(whyOf(await open(everywhere, { agentUrl }).look(signal))).to.contain("has no tunnel to 0.0.0.0:8088");
    expect(urlOf(await open(everywhere).look(signal))).to.equal("https://itself.test");
  });

  for (const [mood, words] of [
    ["away", "no ngrok agent at "],
    ["garbage", "is no ngrok agent"],
    ["silent", "no ngrok agent at "],
  ] as const satisfies readonly (readonly [AgentMood, string])[])
    it(`that is ${mood} is local mode, in one line, and trouble only where it was named`, async () => {
      lead("ours", "8088");
      await fake.be(mood);
      const states = await Promise.all([true, false].map((isWanted) => open(here, { isWanted }).look(signal)));
      expect(states.map((state) => state.address === null && state.isTrouble)).to.deep.equal([true, false]);
      for (const state of states)
        expect(whyOf(state))
          .to.contain(words)
          .and.match(/^none \(.+\): local mode, [^\n]+$/);
    });

  it("is preferred to a token, unless all its tunnels are of others", async () => {
    for (const [leadsTo, opened] of [
      [null, 0],
      ["http://127.0.0.1:8088", 0],
      ["http://127.0.0.1:3000", 1],
    ] as const) {
      fake.tunnels.clear();
      if (leadsTo !== null) lead("one", leadsTo);
      const sdk = new FakePackage();
      const agent = createAgentTunnel({ agentUrl: fake.url, isWanted: false });
      const tunnel = createAutoTunnel(agent, openPackage(sdk));
      tunnel.open(here);
      expect(whyOf(await tunnel.look(signal))).to.contain("being looked for");
      await until(tunnel, (state) => !whyOf(state).includes("being"));
      expect(sdk.opened.length, String(leadsTo)).to.equal(opened);
      await tunnel.close();
    }
  });
});

/** Of @ngrok/ngrok, whose service is on the internet. */
class FakePackage implements Sdk {
  readonly opened: Parameters<Sdk["forward"]>[0][] = [];
  closed = 0;
  /** Of the attempts before one goes well. */
  readonly failures: string[] = [];

  async forward(config: Parameters<Sdk["forward"]>[0]): Promise<SdkListener> {
    const failure = this.failures.shift();
    if (failure !== undefined) {
      config.onStatusChange("closed");
      throw new Error(failure);
    }
    this.opened.push(config);
    return {
      url: () => `https://${config.domain ?? "any.test"}`,
      close: async () => {
        this.closed += 1;
      },
    };
  }
}

interface Opening {
  readonly domain?: string | null;
  readonly waits?: number[];
}

function openPackage(sdk: FakePackage, { domain = null, waits = [] }: Opening = {}): Tunnel {
  const sleep = (ms: number, given: AbortSignal) => {
    waits.push(ms);
    return systemClock.sleep(20, given);
  };
  const clock: Clock = { ...systemClock, sleep };
  return createSdkTunnel({ authtoken: "2abcTheToken", domain, retryMsMax: 3_000, clock, load: async () => sdk });
}

describe("ngrok's package", () => {
  it("is given our listener, the token and the domain, and closed at the end", async () => {
    const sdk = new FakePackage();
    const tunnel = openPackage(sdk, { domain: "example.ngrok-free.dev" });
    tunnel.open({ host: "0.0.0.0", port: 8088 });
    expect(await until(tunnel, (state) => state.address !== null)).to.deep.equal({
      address: { url: "https://example.ngrok-free.dev", isChannel: false },
    });
    expect(sdk.opened.map(({ addr, authtoken }) => [addr, authtoken])).to.deep.equal([
      ["http://127.0.0.1:8088", "2abcTheToken"],
    ]);
    await tunnel.close();
    expect(sdk.closed).to.equal(1);
    expect(urlOf(await tunnel.look(signal))).to.equal(null);
  });

  it("is asked again after longer and longer times, and never shows the token", async () => {
    const sdk = new FakePackage();
    const refusal = "failed to connect: authentication failed:\n Your authtoken: 2abcTheToken\r\n\r\nERR_NGROK_105";
    sdk.failures.push(refusal, refusal, refusal, refusal);
    const waits: number[] = [];
    const seen: TunnelState[] = [];
    const tunnel = openPackage(sdk, { waits });
    tunnel.open(here);
    await until(tunnel, (state) => {
      seen.push(state);
      return state.address !== null;
    });
    expect(waits).to.deep.equal([1_000, 2_000, 3_000, 3_000]);
    const troubles = seen.filter((state) => state.address === null && state.isTrouble).map(whyOf);
    expect([...new Set(troubles)]).to.deep.equal([
      "none (ngrok: failed to connect: authentication failed: Your authtoken: [redacted] ERR_NGROK_105): local mode, the webhook is reachable from this machine only",
    ]);
    await tunnel.close();
  });

  it("has no address while its connection is lost", async () => {
    const sdk = new FakePackage();
    const tunnel = openPackage(sdk);
    tunnel.open(here);
    await until(tunnel, (state) => state.address !== null);
    sdk.opened[0]?.onStatusChange("closed");
    expect(whyOf(await tunnel.look(signal))).to.contain("taken up again");
    sdk.opened[0]?.onStatusChange("connected");
    expect(urlOf(await tunnel.look(signal))).to.equal("https://any.test");
    await tunnel.close();
  });

  it("that has no native part for this machine is one line", async () => {
    const load = async () => Promise.reject(new Error("Cannot find module '@ngrok/ngrok-plan9-mips'\nRequire stack:"));
    const tunnel = createSdkTunnel({ authtoken: "t", domain: null, retryMsMax: 1, clock: systemClock, load });
    tunnel.open(here);
    const state = await until(tunnel, (given) => given.address === null && given.isTrouble);
    expect(whyOf(state)).to.contain(`no part for this machine (${process.platform}, ${process.arch})`);
    await tunnel.close();
  });
});

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

async function until(tunnel: Tunnel, isSo: (state: TunnelState) => boolean): Promise<TunnelState> {
  for (;;) {
    const state = await tunnel.look(signal);
    if (isSo(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function sign(body: Uint8Array): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

function whyOf(state: TunnelState): string {
  return state.address === null ? state.why : "";
}

function urlOf({ address }: TunnelState): string | null {
  return address?.url ?? null;
}
