// The secrets of webhooks as processes share them: what one makes the others know, and what is taken back nobody brings back.

import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { pino } from "pino";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createSecretStore } from "../../ci-server/adapters/postgres/webhook-secrets.ts";
import { openSecrets, secretFile } from "../../ci-server/app-hooks.ts";
import type { Opened } from "../../ci-server/app-opened.ts";
import { type Config, loadConfig } from "../../ci-server/config.ts";
import type { WebhookSecrets } from "../../ci-server/flows/webhook-secrets.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";

const { signal } = new AbortController();
const first = "the first secret, of a file";

describe("the secrets of webhooks", () => {
  let folder: string;
  let postgres: OpenPostgres;
  let closers: (() => Promise<void>)[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secrets-"));
    postgres = await openPostgres(examplePostgres(join(folder, "postgres")));
  });
  beforeEach(() => {
    closers = [];
  });
  afterEach(async () => {
    for (const close of closers) await close();
    await postgres.pool.query("truncate webhook_secret");
  });
  after(async () => {
    await postgres?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** As a process of the role `all` has them, with a state folder of its own. */
  async function open(name: string, configured: readonly string[] = []): Promise<[WebhookSecrets, Config]> {
    const env = {
      MERGEDOCK_STATE_DIR: join(folder, name),
      ...(configured.length > 0 && { MERGEDOCK_WEBHOOK_SECRETS: configured.join(",") }),
    };
    const config = loadConfig({ env, folder });
    const file = secretFile(config);
    await mkdir(join(folder, name, "secrets"), { recursive: true });
    await writeFile(file, `${first}\n`, { mode: 0o600 });
    const log = pino({ level: "silent" });
    const opened = { config, log, postgres, closers } as unknown as Opened; // only what is read
    return [await openSecrets(opened, configured.length > 0 ? configured : [first]), config];
  }

  const texts = (secrets: WebhookSecrets) => secrets.list().map(({ secret }) => secret);

  it("are the state folder's, which has the newest from then on", async () => {
    const [secrets, config] = await open("one");
    expect(texts(secrets)).to.deep.equal([first]);
    await secrets.make();
    const [newest, ...older] = texts(secrets);
    expect(older).to.deep.equal([first]);
    expect(await readFile(secretFile(config), "utf8")).to.equal(`${newest}\n`);
    expect((await stat(secretFile(config))).mode & 0o777).to.equal(0o600);
  });

  it("are known to another process before they are given to a hook", async () => {
    const [mine] = await open("two");
    const [others] = await open("three", ["the secret of a configuration"]);
    await mine.make();
    const { secret } = await mine.current(signal);
    expect(texts(others)).to.not.include(secret);
    expect(await others.refresh()).to.equal(true);
    expect(texts(others)).to.deep.equal([secret, first, "the secret of a configuration"]);
    expect(await others.refresh()).to.equal(false);
  });

  it("are not brought back by an old file, once they were taken back", async () => {
    const [secrets] = await open("four");
    await secrets.make();
    const { id, secret } = await secrets.current(signal);
    await createSecretStore(postgres.pool).rolledOut(id);
    await postgres.pool.query(
      "update webhook_secret set replaced_at = now() - interval '2 days' where replaced_at is not null",
    );
    const [again, config] = await open("five");
    expect(texts(again)).to.deep.equal([secret]);
    expect(await readFile(secretFile(config), "utf8")).to.equal(`${secret}\n`);
  });

  it("of an App are accepted, and given to no hook", async () => {
    const [secrets] = await open("six");
    const app = { secret: "the secret of an App", origin: "app", isRolledOut: true } as const;
    await createSecretStore(postgres.pool).keep(app);
    expect((await secrets.current(signal)).secret).to.equal(first);
    expect(texts(secrets)).to.deep.equal([first, app.secret]);
  });
});
