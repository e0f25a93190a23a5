// What core/ports/hooks.ts promises, on PostgreSQL, and the flows on several repositories of a fake GitHub that stand on it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import { createAppRequests, createHookStore } from "../../ci-server/adapters/postgres/hooks.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createSecretStore } from "../../ci-server/adapters/postgres/webhook-secrets.ts";
import { secretIdOf } from "../../ci-server/adapters/secret-id.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";
import { addHook } from "../../ci-server/flows/add-hook.ts";
import { checkHooks } from "../../ci-server/flows/check-hooks.ts";
import { ensureHook, type HookEvent } from "../../ci-server/flows/hooks.ts";
import { repointHooks } from "../../ci-server/flows/repoint-hooks.ts";
import { type RotateParts, rotateSecret } from "../../ci-server/flows/rotate-secret.ts";
import { openWebhookSecrets, type WebhookSecrets } from "../../ci-server/flows/webhook-secrets.ts";
import { FakeGithub } from "../fakes/github/server.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { forgetfulGithub } from "../helpers/forgetful-github.ts";

const { signal } = new AbortController();
const names = ["acme/shop", "acme/cart", "acme/blog"];
const configured = "the secret of the configuration";
// Nobody listens there.
const [former, latter] = ["http://127.0.0.1:9", "http://127.0.0.1:10/"];

describe("hooks of several repositories", () => {
  let folder: string;
  let opened: OpenPostgres;
  let github: FakeGithub;
  let secrets: WebhookSecrets;
  let parts: RotateParts;
  let events: HookEvent[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "hooks-"));
    opened = await openPostgres(examplePostgres(join(folder, "postgres")));
    github = await FakeGithub.start(join(folder, "forge"));
    for (const name of names) (await github.addRepository(name, { "a.txt": "a\n" })).people.set("admin", "admin");
    const store = createSecretStore(opened.pool);
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, github.giveToken("admin"), { mode: 0o600 });
    const byToken = { kind: "token", tokenFile, username: "x-access-token" } as const;
    const api = forgetfulGithub().api;
    secrets = await openWebhookSecrets({
      ...{
        store,
        clock: systemClock,
        overlapHours: 24,
        configured: [{ id: secretIdOf(configured), secret: configured }],
      },
      ...{ random: () => "another secret of the server", changed: async () => undefined, report: () => undefined },
    });
    parts = {
      ...{ secrets, secretStore: store, clock: systemClock, store: createHookStore(opened.pool) },
      repositories: names.map((name) =>
        exampleRepository({ name, url: github.cloneUrl(name), access: name === "acme/hand" ? null : byToken }),
      ),
      forgeOf: (repository) => api.of(repository),
      lock: (name, ending, work) => opened.store.lock(name, ending, work),
      payloadUrl: async (forge) => `${former}/webhooks/${forge}`,
      secretPlace: "the configuration",
      report: (event) => events.push(event),
    };
  });
  beforeEach(() => {
    events = [];
  });
  after(async () => {
    await secrets?.close();
    await github?.stop();
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const at = (url: string) => ({ url, isChannel: false });
  const urls = () => names.map((name) => [...github.repository(name).hooks.values()].map(({ config }) => config.url));

  it("follow the public address when that changes; what goes wrong with one stops no other, and is tried again", async () => {
    for (const repository of parts.repositories)
      await ensureHook(parts, repository, `${former}/webhooks/github`, signal);
    // GitHub is away for a moment when it is asked of the first one, and the last one may not be changed any more.
    github.repository("acme/shop").people.delete("admin");
    github.state.faults.next = { status: 502, times: 1 };
    expect(await repointHooks(parts, at(latter), signal)).to.deep.equal({ changed: 2, failed: 1 });
    const [old, led] = [`${former}/webhooks/github`, "http://127.0.0.1:10/webhooks/github"];
    expect(urls()).to.deep.equal([[old], [led], [led]]);
    expect(events.filter(({ kind }) => kind === "failed")).to.have.length(1);
    const [cart] = github.repository("acme/cart").hooks.values();
    expect(cart?.config).to.include({ secret: configured, content_type: "json" });
    github.repository("acme/shop").people.set("admin", "admin");
    expect(await repointHooks(parts, at(led), signal)).to.deep.equal({ changed: 1, failed: 0 });
    expect(await repointHooks(parts, at(led), signal)).to.deep.equal({ changed: 0, failed: 0 });
    expect(urls()).to.deep.equal([[led], [led], [led]]);
  });

  it("is no hook of ours, where a person has to enter it: the answer says what", async () => {
    const { manual, ...rest } = await addHook(
      parts,
      exampleRepository({ name: "acme/hand", commands: true }),
      1,
      signal,
    );
    expect(rest).to.include({ action: "hand", pinged: false, hook: null });
    expect(manual).to.deep.equal({
      ...{ payloadUrl: `${former}/webhooks/github`, contentType: "application/json", secret: "the configuration" },
      events: ["pull_request", "issue_comment"],
    });
  });

  it("are none of the repository, where the webhook of the App as which it is asked tells of it", async () => {
    const app = github.registerApp("4711");
    app.installations.set(7, { repositories: ["acme/shop"], permissions: { repository_hooks: "write" } });
    const privateKeyFile = join(folder, "app.pem");
    await writeFile(privateKeyFile, app.privateKey, { mode: 0o600 });
    const access = { kind: "github_app", appId: "4711", installationId: null, privateKeyFile, apiUrl: null } as const;
    const repository = exampleRepository({ url: github.cloneUrl("acme/shop"), access });
    const api = forgetfulGithub().api;
    const asApp = { ...parts, forgeOf: (one: Repository) => api.of(one) };
    const look = async () => (await checkHooks(asApp, [repository], signal))[0];
    expect(await look()).to.include({ means: "hook" });
    app.hook = { url: `${former}/webhooks/github`, secret: "the App's own", events: ["pull_request"] };
    expect(await look()).to.deep.include({ means: "app", hook: null, problems: [] });
    expect(await addHook(asApp, repository, 1, signal)).to.include({ action: "app", hook: null });
    // It tells of merges, and not of the comments that are wanted here.
    const commanded = { ...repository, commands: true };
    expect((await checkHooks(asApp, [commanded], signal))[0]).to.include({ means: "hook" });
  });

  it("keep the old secret accepted until a person has entered the new one, too", async () => {
    const hand = exampleRepository({ name: "acme/hand" });
    await opened.pool.query(
      `insert into delivery (guid, forge, name, repository, hook_id, body, body_digest, verdict, reason, rules, secret_id, headers)
       values ('by-hand', 'github', 'pull_request', 'acme/hand', '1', '', '', 'skip', 'a test', '[]', $1, '{}')`,
      [secretIdOf(configured)],
    );
    const all = { ...parts, repositories: [...parts.repositories, hand] };
    const first = await rotateSecret(all, signal);
    expect(first.hooks.map(({ state }) => state)).to.deep.equal(["done", "done", "done", "hand"]);
    expect(first).to.include({ isDone: false });
    await opened.pool.query("update delivery set secret_id = $1 where guid = 'by-hand'", [first.secretId]);
    expect(await rotateSecret(all, signal)).to.include({ isDone: true, isResumed: true, secretId: first.secretId });
  });

  it("give no App to who did not begin it, nor twice", async () => {
    const requests = createAppRequests(opened.pool);
    const [hash, mine, yours] = ["state", "mine", "yours"].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer]; // three
    await requests.begin({ hash, sessionHash: mine, host: "https://github.com" }, 60);
    expect(await requests.take(hash, yours)).to.equal(null);
    expect(await requests.take(hash, mine)).to.equal("https://github.com");
    expect(await requests.take(hash, mine)).to.equal(null);
    await requests.begin({ hash, sessionHash: mine, host: "https://github.com" }, 0);
    expect(await requests.take(hash, mine)).to.equal(null);
  });
});
