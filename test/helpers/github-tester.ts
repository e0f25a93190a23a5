// The conversation with a fake GitHub: merge there, and see what the CI builds and what it tells the pull request.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sampleApp } from "../../lab/sample-app.ts";
import type { MergeMethod } from "../../lab/sample-pull-request.ts";
import { FakeGithub, type PullHandle } from "../fakes/github/server.ts";
import type { FakeHook, FakeRepository } from "../fakes/github/state.ts";
import { type FinishedBuild, Tester, type TesterOptions, webhookSecret } from "./tester.ts";

export interface GithubTesterOptions extends TesterOptions {
  /** How the server may ask the API: with an admin's token, as an App with every permission it can use, or not at all. */
  readonly access?: "token" | "app" | "none";
  /** Whether the repository has a hook that leads to the server; yes when absent. */
  readonly hook?: boolean;
}

export interface ReconcileState {
  readonly round: number;
  readonly endedRound: number;
  readonly way: string | null;
  readonly found: number;
  readonly problem: string | null;
}

/** Rules of a repository whose builds nobody is told of: the API's faults meet nothing but what a test asks for. */
export const untold = { report: { status: false, check: false, comment: false } };

const name = "acme/shop";
const lookMs = 50;

export class GithubTester {
  readonly github: FakeGithub;
  readonly ci: Tester;
  readonly #folder: string;
  #branches = 0;

  private constructor(folder: string, github: FakeGithub, ci: Tester) {
    this.#folder = folder;
    this.github = github;
    this.ci = ci;
  }

  /** acme/shop on a fake GitHub, private unless the server has no access to it, and a CI that is told of it. `octocat` may write there, `stranger` may read. */
  static async start(options: GithubTesterOptions = {}): Promise<GithubTester> {
    const { access = "token", hook = true, rules, ...rest } = options;
    const folder = await mkdtemp(join(tmpdir(), "github-"));
    const github = await FakeGithub.start(join(folder, "forge"));
    const files = await sampleApp({ message: "hello from the first commit" });
    // Where the server has an access, it is put to the test by git too.
    const repository = await github.addRepository(name, files, { isPrivate: access !== "none" });
    for (const [login, may] of [
      ["admin", "admin"],
      ["octocat", "write"],
      ["stranger", "read"],
    ] as const)
      repository.people.set(login, may);
    const entered = access === "none" ? {} : { access: await writeAccess(folder, github, access) };
    const forge = { git: github.git, repository: repository.git };
    // There before the server begins to look for what did not arrive, and led to it as soon as its address is known.
    const early = hook ? putHook(github, repository, "http://127.0.0.1:1/webhooks/github") : null;
    const ci = await Tester.start({ ...rest, forge, rules: { ...entered, ...rules } });
    const tester = new GithubTester(folder, github, ci);
    if (early !== null) early.config.url = ci.app.webhookUrl;
    return tester;
  }

  async stop(): Promise<void> {
    await this.ci.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get repository(): FakeRepository {
    return this.github.repository(name);
  }

  /** As somebody makes one by hand on the repository's page; no ping is sent. */
  addHook(url = this.ci.app.webhookUrl): FakeHook {
    return putHook(this.github, this.repository, url);
  }

  /** A pull request that changes what the image says. */
  open(message = "hello from the pull request", files: Readonly<Record<string, string>> = {}): Promise<PullHandle> {
    const commits = [{ files: { "message.txt": `${message}\n`, ...files }, message: `Say ${message}` }] as const;
    return this.github.openPullRequest(name, { branch: `change-${++this.#branches}`, commits });
  }

  /** Opens and merges one; its hooks have been answered, or were not. */
  async merge(message?: string, method?: MergeMethod): Promise<PullHandle> {
    const pull = await this.open(message);
    await pull.merge(method);
    return pull;
  }

  /** The merge's build, when it has ended; waits until there is one. */
  async built({ mergedSha }: Pick<PullHandle, "mergedSha">): Promise<FinishedBuild> {
    for (;;) {
      const { builds } = (await (await this.ci.api("/builds?limit=100")).json()) as { builds: FinishedBuild[] };
      const found = builds.find(({ sha }) => sha === mergedSha);
      if (found !== undefined) return this.ci.finished(found.id);
      await delay(lookMs);
    }
  }

  /** When this look for what did not arrive is over; the first is that of the start. */
  looked(round: number): Promise<ReconcileState> {
    return this.until(
      () => this.reconcileState(),
      ({ endedRound }) => endedRound >= round,
    );
  }

  async reconcileState(): Promise<ReconcileState> {
    const answer = await this.ci.api("/reconcile");
    const { repositories } = (await answer.json()) as { repositories: ReconcileState[] };
    return repositories[0] ?? { round: 0, endedRound: -1, way: null, found: 0, problem: null };
  }

  /** Looks again and again until it is so; the test's own time limit ends it. */
  async until<T>(look: () => T | Promise<T>, isSo: (seen: T) => boolean): Promise<T> {
    for (;;) {
      const seen = await look();
      if (isSo(seen)) return seen;
      await delay(lookMs);
    }
  }
}

function putHook(github: FakeGithub, repository: FakeRepository, url: string): FakeHook {
  const config = { url, secret: webhookSecret, content_type: "json", insecure_ssl: "0" };
  const id = github.state.nextId();
  const hook: FakeHook = { id, events: ["pull_request"], active: true, config, deliveries: [] };
  repository.hooks.set(id, hook);
  return hook;
}

async function writeAccess(folder: string, github: FakeGithub, kind: "token" | "app"): Promise<object> {
  if (kind === "token") {
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, github.giveToken("admin"), { mode: 0o600 });
    return { token_file: tokenFile };
  }
  const app = github.registerApp("4711");
  const permissions = {
    ...{ contents: "read", metadata: "read", statuses: "write", checks: "write" },
    ...{ pull_requests: "write", repository_hooks: "write" },
  };
  app.installations.set(7, { repositories: [name], permissions });
  const keyFile = join(folder, "app.pem");
  await writeFile(keyFile, app.privateKey, { mode: 0o600 });
  return { github_app: { app_id: app.id, private_key_file: keyFile } };
}
