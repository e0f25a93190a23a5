// The conversation of the integration tests: merge a pull request on a forge of real git, ask the CI what came of it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type QueryResultRow } from "pg";
import type { Logger } from "pino";
import { createLog } from "../../ci-server/adapters/log.ts";
import { type App, createApp } from "../../ci-server/app.ts";
import { loadConfig } from "../../ci-server/config.ts";
import type { Failure, LogLine } from "../../ci-server/core/build.ts";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import { type ClosedPullRequest, closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import type { Files } from "../../lab/sample-commit.ts";
import type { Merge, MergeMethod, PullRequest } from "../../lab/sample-pull-request.ts";
import { createRepository, type Repository } from "../../lab/sample-repository.ts";
import { type Answer, type Delivery, sendDelivery } from "../../lab/send-delivery.ts";
import { removeImages, runImage } from "./engine-images.ts";
import { type Lab, useLab } from "./lab.ts";
import { checkAnswer } from "./openapi-check.ts";

export const webhookSecret = "the hook's secret of the tests";
export const adminToken = "the admin token of the tests";

export type FinishedBuild = BuildView & { readonly log: string };

/** A build as the API shows it; the fields that the tests look at. */
export interface BuildView {
  readonly id: number;
  readonly repository: string;
  readonly trigger: string;
  readonly sha: string | null;
  readonly version: string | null;
  readonly noCache: boolean;
  readonly pullRequest: { readonly number: number; readonly author: string; readonly mergedBy: string | null } | null;
  readonly deliveryGuid: string | null;
  readonly merge: { readonly method: string; readonly since: string | null; readonly files: number } | null;
  readonly changedFiles: readonly string[] | null;
  readonly skipReason: string | null;
  /** On the build's own page. */
  readonly plan: readonly { readonly service: string; readonly verdict: string; readonly reason: string }[] | null;
  readonly result: string | null;
  readonly stage: string | null;
  readonly failure: Failure | null;
  /** On the build's own page. */
  readonly history: readonly { readonly attempt: number; readonly outcome: string | null }[];
  readonly stages: readonly { readonly name: string; readonly ms: number | null; readonly result: string | null }[];
  /** By service, on the build's own page. */
  readonly steps: Readonly<Record<string, readonly BuildStepView[]>>;
  readonly images: readonly {
    readonly reference: string;
    readonly digest: string;
    readonly tags: readonly string[];
    readonly bytes: number;
    readonly destinations: readonly {
      readonly reference: string;
      readonly result: string;
      readonly message: string | null;
    }[];
    readonly imageId: string;
    readonly key: string | null;
    readonly reusedFrom: number | null;
    readonly bases: readonly { readonly reference: string; readonly digest: string }[];
    readonly attestations: readonly { readonly type: string; readonly digest: string }[];
  }[];
}

export interface BuildStepView {
  readonly number: number;
  readonly name: string;
  readonly cached: boolean;
  readonly startedAt: string;
  readonly completedAt: string | null;
  readonly error: string | null;
}

/** What the webhook listener said. */
export interface Verdict {
  readonly delivery: string;
  readonly verdict: string;
  readonly reason: string;
  readonly build: number | null;
}

export interface Merged {
  readonly pullRequest: PullRequest;
  readonly merge: Merge;
}

export interface Announced {
  readonly sha: string;
  readonly number: number;
  readonly verdict: Verdict;
  readonly payload: object;
}

export interface MergeOptions {
  readonly method?: MergeMethod;
  readonly message?: string;
  readonly files?: Files;
  /** How many commits the pull request has; all but the last one change another file. */
  readonly commits?: number;
  readonly base?: string;
  /** The first commit's subject when absent. */
  readonly title?: string;
  readonly about?: ClosedPullRequest["about"];
}

export interface TesterOptions {
  /** Environment variables on top of the tests' own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly branches?: readonly string[];
  readonly concurrency?: "queue" | "supersede" | "parallel";
  /** More fields of the repository in mergedock.yml. */
  readonly rules?: Readonly<Record<string, unknown>>;
  readonly limits?: Readonly<Record<string, number>>;
  /** `user:password` that the forge asks for; without it anybody may read. */
  readonly credentials?: string;
  /** More fields at the top of mergedock.yml. */
  readonly file?: Readonly<Record<string, unknown>>;
  /** Hears what the server logs, as JSON lines. */
  readonly onLog?: (line: string) => void;
  /** The server's own log; it has none when absent. */
  readonly log?: Logger;
  /** Where acme/shop is; a forge of git alone when absent. `stop()` ends it. */
  readonly forge?: { readonly git: GitServer; readonly repository: Repository };
}

export class Tester {
  readonly lab: Lab;
  readonly folder: string;
  readonly git: GitServer;
  readonly repository: Repository;
  readonly #open: () => Promise<App>;
  #app: App | null;
  #pulls = 0;

  private constructor(
    parts: { lab: Lab; folder: string; git: GitServer; repository: Repository; app: App },
    open: () => Promise<App>,
  ) {
    this.#open = open;
    this.lab = parts.lab;
    this.folder = parts.folder;
    this.git = parts.git;
    this.repository = parts.repository;
    this.#app = parts.app;
  }

  /** A CI with one repository, acme/shop, on the lab's engine and registry. */
  static async start(options: TesterOptions = {}): Promise<Tester> {
    const lab = await useLab();
    const folder = await mkdtemp(join(tmpdir(), "tester-"));
    const { git, repository } = options.forge ?? (await startForge(join(folder, "forge"), options));
    const env = { ...labEnvironment(lab, folder), ...options.env };
    await writeConfig(folder, git.url, options);
    const { onLog, log } = options;
    const written = createLog({
      level: onLog === undefined ? "silent" : "debug",
      destination: { write: onLog ?? (() => undefined) },
    });
    const open = () => createApp(loadConfig({ env, folder }), log ?? written);
    return new Tester({ lab, folder, git, repository, app: await open() }, open);
  }

  get app(): App {
    if (this.#app === null) throw new Error("the server is down");
    return this.#app;
  }

  /** The forge goes on, and the server's state stays. */
  async stopServer(): Promise<void> {
    await this.app.stop();
    this.#app = null;
  }

  /** On other ports than before. */
  async startServer(): Promise<void> {
    this.#app = await this.#open();
  }

  async stop(): Promise<void> {
    await this.#app?.stop();
    await this.git.stop();
    await removeImages(this.lab);
    await rm(this.folder, { recursive: true, force: true });
  }

  get cloneUrl(): string {
    return `${this.git.url}/${this.repository.name}.git`;
  }

  /** Opens a pull request, merges it in git, and does not tell anybody. */
  async mergeQuietly(options: MergeOptions = {}): Promise<Merged> {
    const { method = "merge", message = "hello from the pull request", base = "main" } = options;
    const number = ++this.#pulls;
    const files = options.files ?? { "message.txt": `${message}\n` };
    const extra = Array.from({ length: (options.commits ?? 1) - 1 }, (_none, index) => ({
      ...{ files: { [`extra-${number}-${index}`]: "x" }, message: `Prepare ${index}` },
    }));
    const commits = [...extra, { files, message: `Say ${message}` }] as unknown as Parameters<
      Repository["openPullRequest"]
    >[0]["commits"]; // never empty
    const title = options.title === undefined ? {} : { title: options.title };
    const pullRequest = await this.repository.openPullRequest({ branch: `change-${number}`, base, commits, ...title });
    return { pullRequest, merge: await pullRequest.merge(method) };
  }

  /** Merges, delivers, and returns what the CI said. */
  async merge(options: MergeOptions = {}): Promise<Announced> {
    return this.announce(await this.mergeQuietly(options), options.about);
  }

  /** Delivers what was merged before. */
  async announce({ pullRequest, merge }: Merged, about: ClosedPullRequest["about"] = {}): Promise<Announced> {
    const forge = { repository: this.repository, cloneUrl: this.cloneUrl };
    const payload = closedPullRequest({ ...forge, pullRequest, merge, about });
    const answer = await this.deliver({ payload });
    return { sha: merge.mergeCommitSha, number: pullRequest.number, verdict: JSON.parse(answer.body), payload };
  }

  deliver(delivery: Partial<Delivery>): Promise<Answer> {
    return sendDelivery({
      url: this.app.webhookUrl,
      secret: webhookSecret,
      event: "pull_request",
      payload: {},
      ...delivery,
    });
  }

  /** Every answer is held against openapi.json. */
  async api(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${adminToken}`, ...(init.headers as Record<string, string> | undefined) };
    const url = `${this.app.apiUrl}${path}`;
    const response = await fetch(url, { ...init, headers });
    await checkAnswer(init.method ?? "GET", url, response);
    return response;
  }

  post(path: string, body: unknown): Promise<Response> {
    return this.api(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  }

  async build(id: number | null): Promise<BuildView> {
    return (await this.api(`/builds/${id}`)).json() as Promise<BuildView>;
  }

  /** Reads the log until it holds these words; throws when it ends without them. */
  async logged(id: number | null, words: string): Promise<void> {
    const response = await this.api(`/builds/${id}/log?follow=true`);
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString("utf8");
      if (text.includes(words)) return;
    }
    throw new Error(`the log of build ${id} ended without "${words}": ${text}`);
  }

  /** Waits for the end by reading the log to its end. */
  async finished(id: number | null): Promise<FinishedBuild> {
    const response = await this.api(`/builds/${id}/log?follow=true`);
    const log = await response.text();
    if (response.status !== 200) throw new Error(`the log of build ${id} was answered with ${response.status}: ${log}`);
    return { ...(await this.build(id)), log };
  }

  /** The log line by line, as the API gives it: `at` is text there. */
  async lines(id: number | null, query = ""): Promise<LogLine[]> {
    const response = await this.api(`/builds/${id}/log?format=json${query}`);
    const lines = (await response.text()).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as LogLine); // the API's format
  }

  /** How many rows a table holds, asked of the database itself. */
  async countRows(table: string): Promise<number> {
    return (await this.query<{ count: number }>(`select count(*)::int as count from ${table}`))[0]?.count ?? 0;
  }

  /** Asks the database itself. */
  async query<T extends QueryResultRow>(sql: string): Promise<T[]> {
    const client = new Client({ host: join(this.folder, "state/postgres"), user: "mergedock", database: "postgres" });
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** What the container of the image prints, pulled by the engine from the registry. */
  run(reference: string): Promise<string> {
    return runImage(this.lab, reference, { pull: true });
  }
}

async function startForge(root: string, { credentials }: TesterOptions): Promise<NonNullable<TesterOptions["forge"]>> {
  const files = await sampleApp({ message: "hello from the first commit" });
  const repository = await createRepository({ root, name: "acme/shop", files });
  const admits = (given: string) => credentials === undefined || given === credentials;
  return { git: await startGitServer({ root, admits }), repository };
}

/** What every server of the tests is told of the lab. */
export function labEnvironment(lab: Lab, folder: string): Record<string, string> {
  return {
    MERGEDOCK_STATE_DIR: join(folder, "state"),
    MERGEDOCK_LISTEN_API: "127.0.0.1:0",
    MERGEDOCK_LISTEN_WEBHOOKS: "127.0.0.1:0",
    MERGEDOCK_ENGINE_HOST: lab.engine.host,
    MERGEDOCK_REGISTRY_PUSH_HOST: lab.registry.host,
    MERGEDOCK_REGISTRY_API_URL: lab.registry.apiUrl,
    MERGEDOCK_REGISTRY_CA_FILE: lab.registry.caFile,
    MERGEDOCK_REGISTRY_PASSWORD: lab.account.password,
    MERGEDOCK_WEBHOOK_SECRETS: webhookSecret,
    MERGEDOCK_ADMIN_TOKEN: adminToken,
  };
}

/** A test asks as often as it likes. */
export const testLimits = { attempts_max: 2, api_requests_per_minute_max: 1_000_000 };

async function writeConfig(folder: string, gitUrl: string, options: TesterOptions): Promise<void> {
  const { branches = ["main", "release/*"], concurrency = "queue", rules, limits, file } = options;
  const repositories = [{ name: "acme/shop", url: `${gitUrl}/acme/shop.git`, branches, concurrency, ...rules }];
  await writeFile(
    join(folder, "mergedock.yml"),
    JSON.stringify({ ...file, repositories, limits: { ...testLimits, ...limits } }),
  );
}
