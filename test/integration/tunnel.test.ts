// Conversations through tunnels: ngrok's agent and smee are fakes that really forward, ngrok's package runs without its service.

import { expect } from "chai";
import type { SystemView } from "../../ci-server/core/views/system.ts";
import { sendDelivery } from "../../lab/send-delivery.ts";
import { FakeNgrokAgent } from "../fakes/ngrok-agent.ts";
import { FakeSmee } from "../fakes/smee.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester } from "../helpers/github-tester.ts";
import { ServerTester } from "../helpers/server-tester.ts";
import { webhookSecret } from "../helpers/tester.ts";

const localMode = /^none \([^\n]+\): local mode, the webhook is reachable from this machine only$/;

describe("a merge through the tunnel of an ngrok agent", function () {
  this.timeout(60_000);
  let agent: FakeNgrokAgent;
  let talk: GithubTester;
  const log = logbook();
  before(async () => {
    agent = await FakeNgrokAgent.start(4);
    talk = await GithubTester.start({
      ...{ hook: false, limits: { tunnel_check_seconds: 0.1 }, onLog: log.write },
      env: { MERGEDOCK_TUNNEL_AGENT_URL: agent.url },
    });
  });
  beforeEach(async () => {
    await agent.be("well");
    log.turnPage();
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(async () => {
    await talk.stop();
    await agent.stop();
  });

  const listener = () => new URL(talk.ci.app.webhookUrl).origin;
  const system = async () => (await (await talk.ci.api("/system")).json()) as SystemView;
  const hookUrl = () => [...talk.repository.hooks.values()][0]?.config.url;
  /** The address that leads to us, once the hook does so too. */
  const followed = async () => {
    const { publicUrl } = agent.tunnels.get("webhooks") ?? agent.addTunnel(listener());
    const payloadUrl = `${publicUrl}/webhooks/github`;
    await talk.until(system, ({ setup }) => setup.payloadUrl === payloadUrl);
    if (talk.repository.hooks.size === 0) {
      const added = await talk.ci.post("/hooks", { repository: "acme/shop" });
      expect(added.status).to.equal(200);
    }
    await talk.until(hookUrl, (url) => url === payloadUrl);
    return publicUrl;
  };

  it("begins in local mode, and is not let into another program's tunnel", async () => {
    agent.addTunnel("http://127.0.0.1:3000", { name: "other", publicUrl: "https://other.ngrok-free.dev" });
    const { setup, checks } = await system();
    expect(setup).to.deep.include({ payloadUrl: null, payloadUrls: [] });
    const tunnel = checks.find(({ name }) => name === "tunnel");
    expect(tunnel).to.include({ ok: false }).and.property("detail").matches(localMode);
    expect(tunnel?.detail).to.contain(`no tunnel to ${new URL(listener()).host}, only to http://127.0.0.1:3000`);
    expect((await talk.ci.app.inspect()).tunnel).to.deep.equal({ ok: true, detail: tunnel?.detail });
  });

  it("finds an address that appears while the server runs, and is built", async () => {
    const publicUrl = await followed();
    const { setup } = await system();
    expect(setup.payloadUrl).to.equal(`${publicUrl}/webhooks/github`);
    expect(setup.payloadUrls).to.deep.include({ forge: "github", url: `${publicUrl}/webhooks/github` });
    expect(hookUrl()).to.equal(setup.payloadUrl);
    expect((await talk.ci.app.inspect()).tunnel?.detail).to.contain(`${publicUrl}/webhooks/github`);
    const build = await talk.built(await talk.merge("hello through the tunnel"));
    expect(build, build.log).to.include({ result: "success" });
  });

  it("goes on after the address has changed: the hook follows, and the log says so", async () => {
    const before = await followed();
    const publicUrl = agent.changeUrl();
    const changed = await log.tells("the public address has changed");
    expect(changed).to.deep.include({ url: publicUrl, before });
    const moved = await log.tells("webhook leads to the new address");
    expect(moved).to.include({ from: `${before}/webhooks/github`, to: `${publicUrl}/webhooks/github` });
    expect(hookUrl()).to.equal(`${publicUrl}/webhooks/github`);
    const build = await talk.built(await talk.merge("hello from the new address"));
    expect(build, build.log).to.include({ result: "success" });
  });

  for (const mood of ["away", "garbage"] as const)
    it(`leaves the hook where it leads to while the agent is ${mood}, and takes it up again`, async () => {
      const publicUrl = await followed();
      await agent.be(mood);
      expect(await log.tells("the public address is away")).to.include({ url: publicUrl });
      expect(hookUrl()).to.equal(`${publicUrl}/webhooks/github`);
      await agent.be("well");
      await log.tells("the public address is back");
      expect(hookUrl()).to.equal(`${publicUrl}/webhooks/github`);
      expect(log.of("webhook leads to the new address")).to.deep.equal([]);
    });

  it("has the hook follow when the address has changed while the agent was away", async () => {
    const before = await followed();
    await agent.be("away");
    await log.tells("the public address is away", ({ url }) => url === before);
    const publicUrl = agent.changeUrl();
    await agent.be("well");
    await log.tells("webhook leads to the new address", ({ to }) => to === `${publicUrl}/webhooks/github`);
    const pull = await talk.merge("hello from after the outage");
    expect([...talk.repository.hooks.values()][0]?.deliveries.at(-1)?.statusCode).to.equal(202);
    await talk.built(pull);
  });

  it("T31: shows nothing but /webhooks/* to who comes through the tunnel", async () => {
    const publicUrl = await followed();
    const paths = ["/", "/api/v1/system", "/api/v1/builds", "/metrics", "/healthz", "/readyz", "/openapi.json"];
    const odd = [
      "/webhooks",
      "/webhooks/",
      "/webhooks/other",
      "/webhooks/github/../../metrics",
      "//healthz",
      "/assets/",
    ];
    for (const path of [...paths, ...odd])
      for (const method of ["GET", "POST"]) {
        const answer = await fetch(`${publicUrl}${path}`, { method });
        expect([path, answer.status]).to.deep.equal([path, 404]);
        expect(answer.headers.get("content-type")).to.contain("application/problem+json");
      }
    expect((await fetch(`${publicUrl}/webhooks/github`)).status).to.equal(405);
    const payload = { zen: "x", hook_id: 1 };
    const url = `${publicUrl}/webhooks/github`;
    expect((await sendDelivery({ url, secret: webhookSecret, event: "ping", payload })).status).to.equal(200);
    expect((await sendDelivery({ url, secret: "another", event: "ping", payload })).status).to.equal(401);
  });
});

describe("a merge through a channel of smee", function () {
  this.timeout(60_000);
  let smee: FakeSmee;
  let talk: GithubTester;
  const log = logbook();
  before(async () => {
    smee = await FakeSmee.start();
    talk = await GithubTester.start({
      ...{ hook: false, limits: { tunnel_check_seconds: 0.1 }, onLog: log.write },
      file: { tunnel: { type: "smee", url: smee.channel("abc") } },
    });
    talk.addHook(smee.channel("abc"));
    await log.tells("the webhooks have a public address");
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(async () => {
    await talk.stop();
    await smee.stop();
  });

  it("is built, whatever letters its title has, though the service keeps no bytes", async () => {
    const build = await talk.built(await talk.merge("Grüße 🚀 <b>&amp;</b> \\u001b \u2028"));
    expect(build, build.log).to.include({ result: "success" });
    const { setup } = (await (await talk.ci.api("/system")).json()) as SystemView;
    expect(setup.payloadUrl).to.equal(smee.channel("abc"));
  });

  it("is not built when somebody else has posted it there, and the log says so", async () => {
    const payload = (await talk.open("a forgery")).payload();
    await sendDelivery({ url: smee.channel("abc"), secret: "not the secret", event: "pull_request", payload });
    expect(await log.tells("a delivery of the smee channel was not taken")).to.include({ event: "pull_request" });
    const { setup } = (await talk.until(
      async () => (await (await talk.ci.api("/system")).json()) as SystemView,
      (seen) => seen.setup.lastRefusal !== null,
    )) as SystemView;
    expect(setup.lastRefusal?.reason).to.contain("signature");
  });
});

describe("a server without a tunnel", function () {
  this.timeout(30_000);
  const authtoken = "2nonsenseNonsenseNonsenseNonsense";
  let server: ServerTester;
  before(async () => {
    server = await ServerTester.start();
  });
  after(() => server.stop());

  const reportLine = () => /^tunnel +(.*)$/m.exec(server.output)?.[1];
  const ping = async () => (await server.send({ body: '{"zen":"x","hook_id":1}', event: "ping" })).status;

  it("says so in one line, and takes deliveries", async () => {
    expect(reportLine()).to.match(localMode).and.contain("no ngrok agent at http://127.0.0.1:4040, no NGROK_AUTHTOKEN");
    expect(await ping()).to.equal(200);
  });

  describe("but with a token, while ngrok cannot be reached", () => {
    before(() => server.restart({ env: { NGROK_AUTHTOKEN: authtoken }, limits: { tunnel_check_seconds: 0.1 } }));

    it("starts and works, says why in one line, and never shows the token", async () => {
      expect(reportLine()).to.match(localMode).and.contain("ngrok");
      await server.printed('"msg":"no tunnel"');
      const lines = server.output.split("\n").filter((line) => line.includes("no tunnel"));
      expect(lines).to.have.length(1);
      const { why } = JSON.parse(lines[0] ?? "") as { readonly why: string };
      expect(why).to.match(localMode).and.contain("ngrok: failed to connect");
      const { checks } = (await (await server.api("/system")).json()) as SystemView;
      expect(checks.find(({ name }) => name === "tunnel")).to.deep.include({ ok: false, detail: why });
      expect(await ping()).to.equal(200);
      expect(server.output).to.not.contain(authtoken);
    });
  });
});

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** What the server has logged since the page was turned. */
function logbook() {
  const lines: Line[] = [];
  return {
    turnPage: () => void lines.splice(0),
    write: (line: string) => void lines.push(JSON.parse(line) as Line), // pino's own
    of: (msg: string) => lines.filter((line) => line.msg === msg),
    async tells(words: string, isIt: (line: Line) => boolean = () => true): Promise<Line> {
      for (;;) {
        const found = lines.find((line) => line.msg === words && isIt(line));
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}
