// Several receivers and workers on one PostgreSQL, each a process of its own that can be killed, frozen and started again.

import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../ci-server/adapters/postgres/embedded.ts";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import type { Files } from "../../lab/sample-commit.ts";
import { createRepository, type Repository } from "../../lab/sample-repository.ts";
import { type Answer, sendDelivery } from "../../lab/send-delivery.ts";
import { removeImages } from "./engine-images.ts";
import { type Lab, useLab } from "./lab.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { labEnvironment, webhookSecret } from "./tester.ts";

export type Role = "all" | "receiver" | "worker";

export interface FleetOptions {
  readonly repositories?: readonly string[];
  readonly machines: Readonly<Partial<Record<Role, number>>>;
  readonly files?: Files;
  readonly limits?: Readonly<Record<string, number>>;
  /** More fields at the top of mergedock.yml. */
  readonly file?: Readonly<Record<string, unknown>>;
}

/** An image of one file, built in the least time. */
const tinyApp: Files = { Dockerfile: 'FROM scratch\nCOPY message.txt /\nCMD ["/message.txt"]\n', "message.txt": "x\n" };

export class Machine {
  readonly name: string;
  readonly role: Role;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #server: ServerProcess | null = null;
  #report = "";

  constructor(name: string, role: Role, folder: string, env: Readonly<Record<string, string>>) {
    this.name = name;
    this.role = role;
    this.#folder = folder;
    this.#env = env;
  }

  get isUp(): boolean {
    return this.#server !== null;
  }

  get server(): ServerProcess {
    if (this.#server === null) throw new Error(`${this.name} is down`);
    return this.#server;
  }

  get webhookUrl(): string {
    return this.#line("webhooks");
  }

  get apiUrl(): string {
    return this.#line("api");
  }

  /** Of a worker, which has no API. */
  get healthUrl(): string {
    return this.#line("health");
  }

  /** `env` on top of the machine's own. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = { ...this.#env, MERGEDOCK_STATE_DIR: join(this.#folder, this.name), ...env };
    const server = startServer(this.#folder, all, ["serve", "--role", this.role]);
    this.#report = await server.ready();
    this.#server = server;
  }

  async kill(): Promise<void> {
    const { server } = this;
    this.#server = null;
    await server.kill();
  }

  async stop(): Promise<number | null> {
    const { server } = this;
    this.#server = null;
    return server.stop();
  }

  freeze(): void {
    this.server.child.kill("SIGSTOP");
  }

  thaw(): void {
    this.server.child.kill("SIGCONT");
  }

  #line(name: string): string {
    return new RegExp(`^${name} +(\\S+)`, "m").exec(this.#report)?.[1] ?? "";
  }
}

export class Fleet {
  readonly lab: Lab;
  readonly folder: string;
  readonly git: GitServer;
  readonly database: EmbeddedPostgres;
  readonly repositories: readonly Repository[];
  readonly machines: readonly Machine[];
  #client: Client;

  private constructor(
    parts: Pick<Fleet, "lab" | "folder" | "git" | "database" | "repositories" | "machines">,
    client: Client,
  ) {
    this.lab = parts.lab;
    this.folder = parts.folder;
    this.git = parts.git;
    this.database = parts.database;
    this.repositories = parts.repositories;
    this.machines = parts.machines;
    this.#client = client;
  }

  /** Everything is made, and no machine is started yet. */
  static async create({
    repositories: names = ["acme/shop"],
    machines,
    files = tinyApp,
    limits,
    file,
  }: FleetOptions): Promise<Fleet> {
    const lab = await useLab();
    const folder = await mkdtemp(join(tmpdir(), "fleet-"));
    const forge = join(folder, "forge");
    const repositories: Repository[] = [];
    for (const name of names) repositories.push(await createRepository({ root: forge, name, files }));
    const git = await startGitServer({ root: forge });
    const database = await startEmbeddedPostgres(join(folder, "postgres"));
    const configured = names.map((name) => ({ name, url: `${git.url}/${name}.git` }));
    await writeFile(
      join(folder, "mergedock.yml"),
      JSON.stringify({
        ...file,
        repositories: configured,
        limits: { api_requests_per_minute_max: 1_000_000, ...limits },
      }),
    );
    const { MERGEDOCK_STATE_DIR: _own, ...ofLab } = labEnvironment(lab, folder);
    const { privateKey } = generateKeyPairSync("ed25519");
    const MERGEDOCK_ATTESTATION_KEY = String(privateKey.export({ type: "pkcs8", format: "pem" }));
    const env = { ...ofLab, MERGEDOCK_ATTESTATION_KEY };
    const url = `postgres://mergedock@localhost/postgres?host=${encodeURIComponent(database.connection.host)}`;
    const all = (Object.entries(machines) as [Role, number][]).flatMap(([role, count]) =>
      Array.from({ length: count }, (_none, index) => {
        return new Machine(`${role}-${index + 1}`, role, folder, { ...env, DATABASE_URL: url });
      }),
    );
    const client = await connect(database);
    return new Fleet({ lab, folder, git, database, repositories, machines: all }, client);
  }

  of(role: Role): readonly Machine[] {
    return this.machines.filter((machine) => machine.role === role);
  }

  async startAll(): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.machines.filter(({ isUp }) => isUp).map((machine) => machine.stop()));
    await this.#client.end();
    await this.database.stop();
    await this.git.stop();
    await removeImages(this.lab);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Stops PostgreSQL as a machine that goes away does. */
  async stopDatabase(): Promise<void> {
    await this.#client.end();
    await this.database.stop();
  }

  async startDatabase(): Promise<void> {
    await this.database.revive();
    this.#client = await connect(this.database);
  }

  async query<T extends object>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.#client.query<T>(sql, [...values])).rows;
  }

  /** A merge in git, and the delivery that tells of it. */
  async merge(repository: Repository, files?: Files): Promise<Merged> {
    const number = (this.#numbers.get(repository) ?? 0) + 1;
    this.#numbers.set(repository, number);
    const pullRequest = await repository.openPullRequest({
      branch: `change-${number}`,
      number,
      commits: [{ files: files ?? { "message.txt": `merge ${number}\n` }, message: `Change ${number}` }],
    });
    const merge = await pullRequest.merge("merge");
    const payload = closedPullRequest({ repository, cloneUrl: "unused", pullRequest, merge });
    return { repository, number, sha: merge.mergeCommitSha, payload };
  }
  readonly #numbers = new Map<Repository, number>();

  deliver(machine: Machine, payload: object, guid?: string): Promise<Answer> {
    const delivery = { url: machine.webhookUrl, secret: webhookSecret, event: "pull_request", payload };
    return sendDelivery(guid === undefined ? delivery : { ...delivery, guid });
  }

  /** Waits, by the database's own notifications, until `done` says so of what `look` finds. */
  async until<T>(look: () => Promise<T>, done: (found: T) => boolean, msMax: number): Promise<T> {
    const signal = AbortSignal.timeout(msMax);
    await this.#client.query("listen mergedock_build");
    for (;;) {
      const change = once(this.#client, "notification", { signal });
      change.catch(() => undefined);
      const found = await look();
      if (done(found)) return found;
      await change.catch(() => {
        throw new Error(`not so within ${msMax} ms: ${JSON.stringify(found)}`);
      });
    }
  }
}

export interface Merged {
  readonly repository: Repository;
  readonly number: number;
  readonly sha: string;
  readonly payload: object;
}

async function connect({ connection }: EmbeddedPostgres): Promise<Client> {
  const client = new Client(connection);
  // Ends with the database when a test stops that.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
