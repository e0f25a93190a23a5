// Conversations with a fake GitHub about webhooks: added, repaired, looked at, and given another secret while deliveries come.

import { join } from "node:path";
import { expect } from "chai";
import { createLog } from "../../ci-server/adapters/log.ts";
import { type App, createApp } from "../../ci-server/app.ts";
import { loadConfig } from "../../ci-server/config.ts";
import { sendDelivery } from "../../lab/send-delivery.ts";
import { sendEvent } from "../fakes/github/send.ts";
import type { FakeHook } from "../fakes/github/state.ts";
import { FakeNgrokAgent } from "../fakes/ngrok-agent.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester } from "../helpers/github-tester.ts";
import { runMergedock } from "../helpers/mergedock.ts";
import { adminToken, labEnvironment, webhookSecret } from "../helpers/tester.ts";

interface AddedHook {
  readonly action: string;
  readonly faults: readonly string[];
  readonly pinged: boolean;
  readonly forgeSays: { readonly event: string; readonly statusCode: number | null } | null;
}
interface HookReport {
  readonly secretId: string | null;
  readonly isCurrentSecret: boolean | null;
  readonly problems: readonly string[];
}
interface Rotation {
  readonly secretId: string;
  readonly isResumed: boolean;
  readonly isDone: boolean;
  readonly configured: number;
  readonly hooks: readonly { readonly repository: string; readonly state: string }[];
}

describe("the webhook of a repository on GitHub", function () {
  this.timeout(60_000);
  let agent: FakeNgrokAgent;
  let talk: GithubTester;
  let publicUrl: string;
  /** Of a pull request that was not merged. */
  let payload: object;
  const env = () => ({ MERGEDOCK_TUNNEL_AGENT_URL: agent.url });
  // Nobody but these tests has hooks follow.
  const limits = { hook_ping_seconds_max: 1, tunnel_check_seconds: 3_600 };
  const payloadUrl = () => `${publicUrl}/webhooks/github`;

  before(async () => {
    agent = await FakeNgrokAgent.start();
    talk = await GithubTester.start({ hook: false, env: env(), limits });
    publicUrl = new URL(talk.ci.app.webhookUrl).origin;
    payload = (await talk.open("never merged")).payload();
  });
  beforeEach(() => {
    agent.addTunnel(publicUrl, { publicUrl });
  });
  afterEach(async () => {
    talk.repository.hooks.clear();
    await removeImages(talk.ci.lab);
  });
  after(async () => {
    await talk.stop();
    await agent.stop();
  });

  const theHook = () => [...talk.repository.hooks.values()].at(-1) as FakeHook; // one was made

  async function add(): Promise<AddedHook> {
    return (await answered("/hooks", { repository: "acme/shop" })) as AddedHook;
  }

  async function check(): Promise<HookReport> {
    const { hooks } = (await answered("/hooks/check", {})) as { readonly hooks: readonly [HookReport] };
    return hooks[0];
  }

  async function listed(): Promise<HookReport> {
    return ((await (await talk.ci.api("/hooks")).json()) as { readonly hooks: readonly [HookReport] }).hooks[0];
  }

  async function rotate(): Promise<Rotation> {
    return (await answered("/hooks/rotate-secret", {})) as Rotation;
  }

  async function audited() {
    const answer = await talk.ci.api("/audit?limit=1");
    return ((await answer.json()) as { readonly entries: readonly { readonly id: number; readonly action: string }[] })
      .entries;
  }

  async function answered(path: string, body: object): Promise<object> {
    const response = await talk.ci.post(path, body);
    const answer = (await response.json()) as object;
    expect(response.status, JSON.stringify(answer)).to.equal(200);
    return answer;
  }

  it("is added with secret, events, JSON and URL, answers the ping, and brings merges", async () => {
    expect(await add()).to.deep.include({
      ...{ action: "created", pinged: true, forgeSays: { event: "ping", statusCode: 200 } },
    });
    const { config, events, active } = theHook();
    expect(config).to.deep.equal({ url: payloadUrl(), secret: webhookSecret, content_type: "json", insecure_ssl: "0" });
    expect({ events, active }).to.deep.equal({ events: ["pull_request"], active: true });
    const build = await talk.built(await talk.merge("hello over a hook of our own"));
    expect(build, build.log).to.include({ result: "success" });
    expect(await add()).to.deep.include({ action: "unchanged", faults: [], pinged: true });
    expect((await check()).problems).to.deep.equal([]);
  });

  it("stands in the audit when it was made, though the forge then says no more", async () => {
    const { faults } = talk.github.state;
    const [before] = await audited();
    faults.isCutOff = true;
    const asked = talk.ci.post("/hooks", { repository: "acme/shop" });
    await talk.until(
      async () => talk.repository.hooks.size,
      (size) => size === 1,
    );
    // While the server waits for the ping.
    faults.next = { status: 403, times: 5 };
    expect((await asked).status).to.equal(409);
    Object.assign(faults, { next: null, isCutOff: false });
    const [newest] = await audited();
    expect(newest).to.include({ action: "hook_added", target: "acme/shop" });
    expect(newest?.id).to.not.equal(before?.id);
  });

  it("is made once by two who ask at the same time", async () => {
    const both = await Promise.all([add(), add()]);
    expect(both.map(({ action }) => action).sort()).to.deep.equal(["created", "unchanged"]);
    expect(talk.repository.hooks.size).to.equal(1);
  });

  it("is repaired where somebody has changed it, and a stranger's is left alone", async () => {
    const stranger = talk.addHook("http://127.0.0.1:9/webhooks/github");
    const before = structuredClone(stranger);
    await add();
    const hook = theHook();
    hook.config = { url: `${publicUrl}/old`, secret: "another one", content_type: "form", insecure_ssl: "1" };
    hook.events = ["push"];
    hook.active = false;
    expect((await listed()).problems).to.deep.equal([
      ...[`points to an old address: ${publicUrl}/old`, "is switched off", "sends form, not JSON"],
      ...["does not verify TLS", "does not tell of: pull_request"],
    ]);
    expect(await add()).to.deep.include({ action: "repaired", pinged: true });
    expect(hook.config).to.deep.equal({
      ...{ url: payloadUrl(), secret: webhookSecret, content_type: "json", insecure_ssl: "0" },
    });
    expect(hook.events).to.deep.equal(["push", "pull_request"]);
    expect(stranger).to.deep.equal(before);
  });

  it("that a person has entered is taken over, by its address", async () => {
    const hook = talk.addHook(payloadUrl());
    expect((await listed()).problems).to.include(
      "was entered by hand; so that it is looked after: mergedock webhook add acme/shop",
    );
    expect(await add()).to.deep.include({ action: "repaired", faults: ["nobody knows which secret it has"] });
    expect([...talk.repository.hooks.values()]).to.deep.equal([hook]);
  });

  it("is said not to be reached, with what GitHub says of it", async () => {
    agent.addTunnel(publicUrl, { publicUrl: "http://127.0.0.1:9" });
    const added = await add();
    expect(added).to.deep.include({ pinged: false, forgeSays: { event: "ping", statusCode: null } });
    const { problems } = await check();
    expect(problems).to.include("the last 2 deliveries failed: nobody answered");
    expect(problems).to.include("a ping was sent, and did not arrive");
    agent.addTunnel(publicUrl, { publicUrl });
    expect((await listed()).problems).to.include("points to an old address: http://127.0.0.1:9/webhooks/github");
    expect(await add()).to.include({ action: "repaired", pinged: true });
  });

  it("needs a public address: three ways to one are named, and nothing is made", async () => {
    agent.tunnels.clear();
    const response = await talk.ci.post("/hooks", { repository: "acme/shop" });
    expect(response.status).to.equal(503);
    const { detail } = (await response.json()) as { readonly detail: string };
    for (const way of ["webhooks.public_url", "--profile tunnel", "NGROK_AUTHTOKEN"]) expect(detail).to.contain(way);
    expect(talk.repository.hooks.size).to.equal(0);
    expect((await talk.ci.post("/hooks", { repository: "acme/other" })).status).to.equal(404);
  });

  it("is refused by GitHub where the access may not change it: that is said, and nobody is signed out for it", async () => {
    talk.repository.people.set("admin", "write");
    const response = await talk.ci.post("/hooks", { repository: "acme/shop" });
    const problem = (await response.json()) as { readonly detail: string };
    const { problems } = await listed();
    talk.repository.people.set("admin", "admin");
    expect(response.status).to.equal(409);
    expect(problem.detail).to.contain("needs the permission to change its webhooks");
    expect(problems[0]).to.contain("the forge cannot be asked");
  });

  it("cannot be added with a token that GitHub does not know: the token's file is named, and no permission", async () => {
    const tokens = new Map(talk.github.state.tokens);
    talk.github.revoke();
    const response = await talk.ci.post("/hooks", { repository: "acme/shop" });
    for (const [token, whose] of tokens) talk.github.state.tokens.set(token, whose);
    expect(response.status).to.equal(409);
    const { detail } = (await response.json()) as { readonly detail: string };
    expect(detail).to.match(
      /^GET .* answers 401 \(Bad credentials\); the token of access\.token_file \(.*\) is refused; write /,
    );
    expect(detail).to.not.contain("permission");
  });

  it("is looked after from the command line, whose exit code says how it is", async () => {
    const place = {
      folder: talk.ci.folder,
      env: { MERGEDOCK_SERVER: new URL(talk.ci.app.apiUrl).origin, MERGEDOCK_TOKEN: adminToken },
    };
    const webhook = (...args: string[]) => runMergedock(["webhook", ...args], place);
    expect(await webhook("check")).to.include({
      ...{ code: 1, stdout: "✗ acme/shop: there is no hook: mergedock webhook add acme/shop\n" },
    });
    const added = await webhook("add", "acme/shop");
    expect(added, added.stderr).to.include({ code: 0 });
    expect(added.stdout).to.match(
      /^acme\/shop: webhook \d+ created: \S+\/webhooks\/github\nacme\/shop: the ping has arrived\n$/,
    );
    const [list, checked, unknown] = await Promise.all([webhook("list"), webhook("check"), webhook("add", "acme/no")]);
    expect(list.stdout).to.match(/^REPOSITORY +HOOK +URL +EVENTS +SECRET +PING +STATE\nacme\/shop +\d+ .*ok\n$/);
    expect(checked).to.include({ code: 0, stdout: "✓ acme/shop\n" });
    theHook().active = false;
    expect((await webhook("check")).stdout).to.match(
      /^✗ acme\/shop: is switched off\n(✗ .*\n)* {2}-> mergedock webhook add acme\/shop\n$/,
    );
    expect(unknown).to.include({ code: 2, stdout: "" });
  });

  describe("while its secret is replaced", () => {
    let other: App;

    /** A second receiver on the same database, which nobody tells of anything. */
    before(async () => {
      const { folder } = talk.ci;
      const database = { DATABASE_URL: `postgresql://mergedock@/postgres?host=${join(folder, "state/postgres")}` };
      const own = { MERGEDOCK_ROLE: "receiver", MERGEDOCK_STATE_DIR: join(folder, "state-2") };
      const all = { ...labEnvironment(talk.ci.lab, folder), ...env(), ...database, ...own };
      other = await createApp(loadConfig({ env: all, folder }), createLog({ level: "silent" }));
    });
    after(() => other.stop());

    it("loses no delivery, at no receiver, whichever secret the hook has at that moment", async () => {
      await add();
      const stream = startStream();
      const rotation = await rotate();
      await stream.enough();
      const { statuses, secrets } = await stream.stop();
      expect(rotation).to.deep.include({ isResumed: false, isDone: true, configured: 1 });
      expect(rotation.hooks).to.deep.equal([{ repository: "acme/shop", state: "done", problem: null }]);
      expect(secrets.size).to.equal(2);
      expect([...new Set(statuses)]).to.deep.equal([202]);
      const sent = theHook().deliveries.map(({ statusCode }) => statusCode);
      expect(new Set(sent)).to.deep.equal(new Set([200, 202]));
      expect(await listed()).to.include({ secretId: rotation.secretId, isCurrentSecret: true });
    });

    /** Between any two a stranger comes, so that each list of secrets has just been read. */
    function startStream() {
      const ending = new AbortController();
      const statuses: number[] = [];
      const secrets = new Set<string>();
      let afterChange = 0;
      const send = async (url: string, secret: string | null) =>
        (await sendDelivery({ url, secret, event: "pull_request", payload })).status;
      const run = async () => {
        while (!ending.signal.aborted) {
          const { secret } = theHook().config;
          secrets.add(secret ?? "");
          const [first, second] = [talk.ci.app.webhookUrl, other.webhookUrl];
          await Promise.all([send(first, "a secret of nobody"), send(second, "a secret of nobody")]);
          statuses.push(...(await Promise.all([send(first, secret), send(second, secret)])));
          await sendEvent(talk.github.state, talk.repository, "pull_request", payload);
          if (secrets.size > 1) afterChange += 1;
        }
      };
      const running = run();
      return {
        enough: () =>
          talk.until(
            () => afterChange,
            (count) => count > 5,
          ),
        async stop() {
          ending.abort();
          await running;
          return { statuses, secrets };
        },
      };
    }

    it("goes on where it was broken off: the old one is accepted until the hook has the new one", async () => {
      await add();
      const before = theHook().config.secret ?? "";
      talk.github.state.faults.next = { status: 502, times: 1 };
      const broken = await rotate();
      expect(broken).to.deep.include({ isResumed: false, isDone: false });
      expect(theHook().config.secret).to.equal(before);
      expect(await deliver(before)).to.equal(202);
      expect((await check()).problems).to.deep.equal(["its secret is an older one"]);
      const again = await rotate();
      expect(again).to.deep.include({ isResumed: true, isDone: true, secretId: broken.secretId });
      expect((await check()).problems).to.deep.equal([]);
    });

    it("retires the old one by itself, and what the configuration names stays", async () => {
      await add();
      const old = theHook().config.secret ?? "";
      await rotate();
      const { secret: newest } = (await (await talk.ci.api("/setup/secret")).json()) as { readonly secret: string };
      expect(theHook().config.secret).to.equal(newest);
      expect(await deliver(old)).to.equal(202);
      await talk.ci.query(
        "update webhook_secret set replaced_at = now() - interval '25 hours' where replaced_at is not null",
      );
      await talk.until(
        // Whoever refuses has read again.
        async () => (await deliver("a secret of nobody")) && deliver(old),
        (status) => status === 401,
      );
      expect(await deliver(newest)).to.equal(202);
      expect(await deliver(webhookSecret)).to.equal(202);
      const kept = await talk.ci.query<{ secret: string | null }>("select secret from webhook_secret order by place");
      expect(kept.map(({ secret }) => secret !== null)).to.deep.equal([false, false, true]);
    });

    async function deliver(secret: string): Promise<number> {
      return (await talk.ci.deliver({ secret, payload })).status;
    }
  });
});
