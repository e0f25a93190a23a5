// What a forge's API says its hook has sent is believed of the repository that was asked for, and of no other.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createReconcileStore } from "../../ci-server/adapters/postgres/reconcile.ts";
import { openWebhooks } from "../../ci-server/app-forges.ts";
import { type Asked, lookInApi } from "../../ci-server/flows/reconcile-api.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { forgetfulGithub } from "../helpers/forgetful-github.ts";
import { type ScriptedServer, startScriptedServer } from "../helpers/scripted-server.ts";

const { signal } = new AbortController();
const guids = ["0b989ba4-242f-11e5-81e1-c7b6966d2516", "0b989ba4-242f-11e5-81e1-c7b6966d2517"] as const;

describe("what the API of one repository tells of another", () => {
  let folder: string;
  let opened: OpenPostgres;
  let forge: ScriptedServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "reconcile-payloads-"));
    await writeFile(join(folder, "token"), "ghp_0123456789\n");
    opened = await openPostgres(examplePostgres(folder));
    forge = await startScriptedServer((asked) => ({ status: 200, body: JSON.stringify(answerTo(asked)) }));
  });
  after(async () => {
    await forge?.stop();
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("is not taken, and the look says so; what it tells of its own is", async () => {
    const own = { name: "github", apiUrl: forge.url, tokenFile: join(folder, "token") } as const;
    const [shop, cart] = [exampleRepository({ forge: own }), exampleRepository({ name: "acme/cart", commands: true })];
    const parts = {
      ...{ store: opened.store, state: createReconcileStore(opened.pool), clock: systemClock },
      ...{ repositories: [shop, cart], readers: openWebhooks(() => []) },
      ...{ daysMax: 7, deliveriesMax: 100, bodyBytesMax: 1024 * 1024 },
    };
    const asked: Asked = { repository: shop, forge: forgetfulGithub().api.of(shop) as Asked["forge"] }; // it has a token
    const look = await lookInApi(parts, asked, signal);
    expect(look?.taken.map(({ guid, verdict }) => [guid, verdict])).to.deep.equal([[guids[0], "build"]]);
    expect(look?.problem).to.contain("1 of the hook's deliveries");
    expect(await opened.store.delivery(guids[1])).to.equal(null);
  });
});

function answerTo(asked: string): unknown {
  const deliveries = guids.map((guid, index) => ({
    ...{ id: index + 1, guid, event: "pull_request", action: "closed" },
    ...{ delivered_at: new Date().toISOString(), status_code: 502 },
  }));
  const [, id] = /\/deliveries\/(\d)$/.exec(asked) ?? [];
  if (id !== undefined) {
    const payload = merged(id === "1" ? "acme/shop" : "acme/Cart");
    return { ...deliveries[Number(id) - 1], request: { headers: {}, payload } };
  }
  if (asked.includes("/deliveries")) return deliveries;
  const config = { url: "https://ci.acme.test/webhooks/github", content_type: "json" };
  return [{ id: 1, active: true, events: ["pull_request"], config }];
}

function merged(repository: string) {
  return {
    action: "closed",
    repository: { id: 7, full_name: repository },
    pull_request: {
      ...{ number: 7, title: "Add a cart", html_url: "https://forge.test/acme/shop/pull/7", merged: true },
      ...{ merge_commit_sha: "a".repeat(40), base: { ref: "main" }, user: { login: "ada" } },
    },
  };
}
