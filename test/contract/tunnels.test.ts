// What core/ports/tunnel.ts promises, of each tunnel: ngrok's agent against a fake, ngrok's package as far as it goes without
// its service.

import { expect } from "chai";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import { type AgentOptions, createAgentTunnel } from "../../ci-server/adapters/tunnel/agent.ts";
import { createAutoTunnel } from "../../ci-server/adapters/tunnel/auto.ts";
import { createSdkTunnel, type Sdk, type SdkListener } from "../../ci-server/adapters/tunnel/sdk.ts";
import type { Clock, Tunnel, TunnelState, TunnelTarget } from "../../ci-server/core/ports.ts";
import { type AgentMood, FakeNgrokAgent } from "../fakes/ngrok-agent.ts";
import { until, urlOf, whyOf } from "../helpers/tunnel-state.ts";

const { signal } = new AbortController();
const here: TunnelTarget = { host: "127.0.0.1", port: 8088 };

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
