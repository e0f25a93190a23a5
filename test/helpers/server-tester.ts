// A server process of its own in an empty folder, for tests of what it takes: without engine, registry and git, with its database at hand.

import { createHmac, randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type QueryResultRow } from "pg";
import { Pool } from "undici";
import { memoryGrowth } from "./memory.ts";
import { checkAnswer } from "./openapi-check.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { adminToken, webhookSecret } from "./tester.ts";

export interface Sent {
  readonly body: Uint8Array | string;
  readonly event?: string;
  /** Replace or add to those that GitHub sends. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly guid: string;
  readonly status: number;
  readonly body: string;
  readonly ms: number;
}

export interface ServerTesterOptions {
  readonly concurrency?: "queue" | "supersede";
  readonly limits?: Readonly<Record<string, number>>;
  readonly logLevel?: string;
  /** More fields at the top of mergedock.yml. */
  readonly file?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Fields of its one repository, on top of those of acme/shop. */
  readonly repository?: Readonly<Record<string, unknown>>;
}

/** acme/shop is configured, and its git server cannot be reached: builds begin, and are given back. */
export class ServerTester {
  readonly #folder: string;
  #server: ServerProcess;
  #pool: Pool;
  webhookUrl = "";
  apiUrl = "";

  private constructor(folder: string, server: ServerProcess) {
    this.#folder = folder;
    this.#server = server;
    this.#pool = new Pool("http://127.0.0.1:1");
  }

  static async start(options: ServerTesterOptions = {}): Promise<ServerTester> {
    const folder = await mkdtemp(join(tmpdir(), "abuse-"));
    const tester = new ServerTester(folder, await launch(folder, options));
    await tester.#connect();
    return tester;
  }

  /** Stops it and starts it again with other options on the same state. */
  async restart(options: ServerTesterOptions): Promise<void> {
    await this.#pool.destroy();
    await this.#server.stop();
    this.#server = await launch(this.#folder, options);
    await this.#connect();
  }

  async #connect(): Promise<void> {
    const report = await this.#server.ready();
    this.webhookUrl = /^webhooks +(\S+)/m.exec(report)?.[1] ?? "";
    this.apiUrl = /^api +(\S+)/m.exec(report)?.[1] ?? "";
    this.#pool = new Pool(new URL(this.webhookUrl).origin, { connections: 32 });
  }

  async stop(): Promise<void> {
    await this.#pool.destroy();
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get isAlive(): boolean {
    return this.#server.child.exitCode === null && this.#server.child.signalCode === null;
  }

  /** Everything that it has printed so far. */
  get output(): string {
    return this.#server.output.stdout + this.#server.output.stderr;
  }

  /** Waits until it has printed these words. */
  async printed(words: string): Promise<void> {
    const { stdout, stderr } = this.#server.child;
    while (!this.output.includes(words)) {
      const more = [stdout, stderr].map((stream) => new Promise((resolve) => stream?.once("data", resolve)));
      await Promise.race(more);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#server.child.kill(name);
  }

  async send({ body, event = "pull_request", headers = {} }: Sent): Promise<Answered> {
    const guid = randomUUID();
    const startedMs = performance.now();
    const response = await this.#pool.request({
      ...{ method: "POST", path: "/webhooks/github", body },
      headers: {
        "content-type": "application/json",
        "x-github-delivery": guid,
        "x-github-event": event,
        "x-hub-signature-256": sign(body),
        ...headers,
      },
    });
    const answer = await response.body.text();
    return { guid, status: response.statusCode, body: answer, ms: performance.now() - startedMs };
  }

  /** As the admin, unless the headers say otherwise. Every answer is held against openapi.json. */
  async api(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${adminToken}`, ...(init.headers as Record<string, string> | undefined) };
    const url = `${this.apiUrl}${path}`;
    const response = await fetch(url, { ...init, headers });
    await checkAnswer(init.method ?? "GET", url, response);
    return response;
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const all = { "content-type": "application/json", ...headers };
    return this.api(path, { method: "POST", body: JSON.stringify(body), headers: all });
  }

  /** Asks the database itself. */
  async query<T extends QueryResultRow>(sql: string): Promise<T[]> {
    const client = new Client({ host: join(this.#folder, "state/postgres"), user: "mergedock", database: "postgres" });
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async count(table: string): Promise<number> {
    return (await this.query<{ count: number }>(`select count(*)::int as count from ${table}`))[0]?.count ?? 0;
  }

  /** By how many bytes the process's memory grew at most while `work` ran. */
  async memoryGrowth(work: () => Promise<unknown>): Promise<number> {
    return memoryGrowth(this.#server.child.pid ?? 0, work);
  }
}

export function sign(body: Uint8Array | string): string {
  return `sha256=${createHmac("sha256", webhookSecret).update(body).digest("hex")}`;
}

async function launch(folder: string, options: ServerTesterOptions): Promise<ServerProcess> {
  const { concurrency = "queue", limits = {}, logLevel = "info", env = {}, file = {}, repository } = options;
  const repositories = [{ name: "acme/shop", url: "http://127.0.0.1:1/acme/shop.git", concurrency, ...repository }];
  await writeFile(
    join(folder, "mergedock.yml"),
    JSON.stringify({ ...file, repositories, limits: { api_requests_per_minute_max: 1_000_000, ...limits } }),
  );
  return startServer(folder, {
    MERGEDOCK_WEBHOOK_SECRETS: webhookSecret,
    MERGEDOCK_ADMIN_TOKEN: adminToken,
    MERGEDOCK_LOG_LEVEL: logLevel,
    ...env,
  });
}
