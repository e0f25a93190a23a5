// What a forge's API says its hook has sent is believed of the repository that was asked for, and of no other.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createReconcileStore } from "../../ci-server/adapters/postgres/reconcile.ts";
import { openWebhooks } from "../../ci-server/app-forges.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";
import { type Asked, lookInApi } from "../../ci-server/flows/reconcile-api.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { forgetfulGithub } from "../helpers/forgetful-github.ts";
import { type ScriptedServer, startScriptedServer } from "../helpers/scripted-server.ts";

const { signal } = new AbortController();
let guids: readonly [string, string];

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
  beforeEach(() => {
    guids = [randomUUID(), randomUUID()];
  });
  after(async () => {
    await forge?.stop();
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("is not taken, and the look says so; what it tells of its own is", async () => {
    const own = { name: "github", apiUrl: forge.url, tokenFile: join(folder, "token") } as const;
    const [shop, cart] = [exampleRepository({ forge: own }), exampleRepository({ name: "acme/cart", commands: true })];
    const look = await lookInApi(partsOf([shop, cart]), askedFor(shop), signal);
    expect(look?.taken.map(({ guid, verdict }) => [guid, verdict])).to.deep.equal([[guids[0], "build"]]);
    expect(look?.problem).to.contain("1 of the hook's deliveries");
    expect(await opened.store.delivery(guids[1])).to.equal(null);
  });

  for (const [other, taken] of [
    ["4711", ["skip", "skip"]],
    ["4712", ["skip"]],
  ] as const)
    it(`is taken of App 4711's own webhook where the other is of App ${other}: ${taken.length} of two`, async () => {
      const own = { name: "github", apiUrl: forge.url, tokenFile: join(folder, "token") } as const;
      const byApp = (appId: string) =>
        ({ kind: "github_app", appId, installationId: null, privateKeyFile: "key.pem", apiUrl: null }) as const;
      const shop = exampleRepository({ forge: own, access: byApp("4711"), branches: ["other"] });
      const cart = exampleRepository({ name: "acme/cart", access: byApp(other), branches: ["other"] });
      const asked = askedFor(shop);
      const { deliveries } = asked.forge.hooks;
      if (deliveries === null) throw new Error("GitHub tells what it has sent");
      const appHook = async () => ({ url: "https://ci.acme.test/webhooks/github", events: [], deliveries });
      const look = await lookInApi(partsOf([shop, cart]), { ...asked, forge: { ...asked.forge, appHook } }, signal);
      expect(look?.taken.map(({ verdict }) => verdict)).to.deep.equal(taken);
      expect(look?.problem === null).to.equal(taken.length === 2);
    });

  function partsOf(repositories: readonly Repository[]): Parameters<typeof lookInApi>[0] {
    return {
      ...{ store: opened.store, state: createReconcileStore(opened.pool), clock: systemClock },
      ...{ repositories, readers: openWebhooks(() => []) },
      ...{ daysMax: 7, deliveriesMax: 100, bodyBytesMax: 1024 * 1024 },
    };
  }

  function askedFor(repository: Repository): Asked {
    return { repository, forge: forgetfulGithub().api.of(repository) as Asked["forge"] }; // it has a token
  }
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
