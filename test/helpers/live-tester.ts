// Receivers on one PostgreSQL for those who look on, and a worker's store that does what a build does to what they see.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../ci-server/adapters/postgres/embedded.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { type App, createApp } from "../../ci-server/app.ts";
import { loadConfig } from "../../ci-server/config.ts";
import type { AttemptKey, LogLine, Result } from "../../ci-server/core/build.ts";
import type { Store } from "../../ci-server/core/ports.ts";
import { type EventStream, openStream } from "./event-stream.ts";
import { examplePostgres } from "./example-postgres.ts";
import { adminToken, webhookSecret } from "./tester.ts";

export class LiveTester {
  readonly #folder: string;
  readonly #postgres: EmbeddedPostgres;
  readonly #apps: App[] = [];
  #receivers = 0;
  /** Of the worker. */
  readonly opened: OpenPostgres;

  private constructor(folder: string, postgres: EmbeddedPostgres, opened: OpenPostgres) {
    this.#folder = folder;
    this.#postgres = postgres;
    this.opened = opened;
  }

  static async start(limits: Readonly<Record<string, number>> = {}): Promise<LiveTester> {
    const folder = await mkdtemp(join(tmpdir(), "live-"));
    const postgres = await startEmbeddedPostgres(join(folder, "postgres"));
    const limitsMax = { limits: { perRepositoryMax: 100_000, inAllMax: 100_000 } };
    const opened = await openPostgres(examplePostgres(folder, { url: urlOf(postgres), ...limitsMax }));
    const tester = new LiveTester(folder, postgres, opened);
    await tester.receiver(limits);
    return tester;
  }

  get store(): Store {
    return this.opened.store;
  }

  get app(): App {
    const [first] = this.#apps;
    if (first === undefined) throw new Error("no receiver runs");
    return first;
  }

  get databaseUrl(): string {
    return urlOf(this.#postgres);
  }

  /** One more, with limits of its own. */
  async receiver(limits: Readonly<Record<string, number>> = {}): Promise<App> {
    const folder = join(this.#folder, `receiver-${++this.#receivers}`);
    await mkdir(folder);
    const repositories = ["acme/shop", "acme/cart"].map((name) => ({ name, url: `http://127.0.0.1:1/${name}.git` }));
    // A test opens more streams in a minute than a client may.
    const all = { api_requests_per_minute_max: 1_000_000, ...limits };
    await writeFile(join(folder, "mergedock.yml"), JSON.stringify({ repositories, limits: all })); // JSON is YAML
    const listen = { MERGEDOCK_LISTEN_API: "127.0.0.1:0", MERGEDOCK_LISTEN_WEBHOOKS: "127.0.0.1:0" };
    const secrets = { MERGEDOCK_WEBHOOK_SECRETS: webhookSecret, MERGEDOCK_ADMIN_TOKEN: adminToken };
    const env = { ...listen, ...secrets, MERGEDOCK_ROLE: "receiver", DATABASE_URL: this.databaseUrl };
    const app = await createApp(loadConfig({ env, folder }), pino({ level: "silent" }));
    this.#apps.push(app);
    return app;
  }

  /** A receiver that is not needed any more. */
  async close(app: App): Promise<void> {
    this.#apps.splice(this.#apps.indexOf(app), 1);
    await app.stop();
  }

  async stop(): Promise<void> {
    for (const app of this.#apps) await app.stop();
    await this.opened.close();
    await this.#postgres.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  api(path: string, init: RequestInit = {}, app = this.app): Promise<Response> {
    const headers = { authorization: `Bearer ${adminToken}`, ...(init.headers as Record<string, string> | undefined) };
    return fetch(`${app.apiUrl}${path}`, { ...init, headers });
  }

  /** Throws when it is not answered with a stream. */
  events(path: string, { lastId, app = this.app }: { lastId?: string; app?: App } = {}): Promise<EventStream> {
    const headers = { authorization: `Bearer ${adminToken}` };
    return openStream({ url: `${app.apiUrl}${path}`, headers, ...(lastId !== undefined && { lastId }) });
  }

  /** Asked for, and not begun. */
  request(repository = "acme/shop"): Promise<number> {
    const rest = { sha: null, ref: "main", service: null, version: "1", pullRequest: null, deliveryGuid: null };
    return this.store.request({ repository, trigger: "manual", ...rest }, null);
  }

  /** Asked for and begun. */
  async begin(repository = "acme/shop"): Promise<AttemptKey> {
    const buildId = await this.request(repository);
    await this.store.begin(buildId);
    return { buildId, attempt: 1 };
  }

  finish(at: AttemptKey, result: Result = "success"): Promise<void> {
    return this.store.finish(at, { result, failure: null, images: [] });
  }
}

/** Lines with consecutive numbers from `first` on. */
export function logLines(first: number, count: number, text = "a line of the log"): LogLine[] {
  const rest = { at: new Date(), stage: "build", service: "shop", step: 1, stream: "stdout" } as const;
  return Array.from({ length: count }, (_none, index) => ({
    seq: first + index,
    ...rest,
    text: `${first + index} ${text}`,
  }));
}

function urlOf({ connection }: EmbeddedPostgres): string {
  return `postgres:///${connection.database}?host=${encodeURIComponent(connection.host)}&user=${connection.user}`;
}
