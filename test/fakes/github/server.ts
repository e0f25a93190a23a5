// A fake GitHub, as an Enterprise Server is reached: git and the API on one address. It keeps state, speaks HTTP, has real git
// behind its repositories, and sends signed deliveries to their hooks.

import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type GitServer, startGitServer } from "../../../lab/git-server.ts";
import type { PullRequestOptions } from "../../../lab/sample-pull-request.ts";
import { createRepository } from "../../../lab/sample-repository.ts";
import { type ApiParts, answerApi, apiPath } from "./api.ts";
import { createApp, type FakeApp } from "./apps.ts";
import { Clock } from "./clock.ts";
import { addComment } from "./comments.ts";
import { countFaults, noFaults } from "./faults.ts";
import { answerGit } from "./git-access.ts";
import { RateLimits } from "./limits.ts";
import { answerPage, isManifestPage } from "./manifest.ts";
import { githubHookRanges } from "./meta.ts";
import { allows, tokenOf } from "./permissions.ts";
import { openPullRequest, type PullHandle } from "./pulls.ts";
import type { CommentRecord, FakeHook, FakeRepository, FakeState } from "./state.ts";

export type { PullHandle } from "./pulls.ts";

const deliveryMs = 10_000;

export class FakeGithub {
  readonly state: FakeState;
  readonly apps: FakeApp[];
  readonly git: GitServer;
  readonly #root: string;

  private constructor(root: string, git: GitServer, { state, apps }: Pick<FakeGithub, "state" | "apps">) {
    this.#root = root;
    this.git = git;
    this.state = state;
    this.apps = apps;
  }

  /** `root`: an empty folder for its repositories. */
  static async start(root: string): Promise<FakeGithub> {
    const state = createState();
    const apps: FakeApp[] = [];
    const fault = countFaults(state.faults);
    const git = await startGitServer({
      root,
      beside: (request, response) => {
        if (request.url === "/favicon.ico") {
          response.writeHead(404).end();
          return true;
        }
        if (isManifestPage(request)) {
          void answerPage({ state }, request, response);
          return true;
        }
        if (request.url?.startsWith(`${apiPath}/`) !== true) return answerGit(state, fault, request, response);
        void answer({ state, apps, fault }, request, response);
        return true;
      },
    });
    state.url = git.url;
    return new FakeGithub(root, git, { state, apps });
  }

  get url(): string {
    return this.state.url;
  }

  /** `http://127.0.0.1:<port>/api/v3`. */
  get apiUrl(): string {
    return `${this.url}${apiPath}`;
  }

  /** Every delivery that was begun is on record. */
  async settled(): Promise<void> {
    while (this.state.underWay.size > 0) await Promise.all(this.state.underWay);
  }

  async stop(): Promise<void> {
    await this.settled();
    await this.git.stop();
  }

  /** A person's token; without `repositories` it reaches all of them. */
  giveToken(login: string, repositories: readonly string[] | null = null, endsMs = Number.POSITIVE_INFINITY): string {
    const token = `ghp_${randomBytes(18).toString("base64url")}`;
    this.state.tokens.set(token, { login, repositories, permissions: null, endsMs });
    return token;
  }

  /** Whether a git client with this token may read `owner/name` now. */
  admits(token: string, repository: string): boolean {
    const given = tokenOf(this.state, token);
    if (given === null || given.repositories?.includes(repository) === false) return false;
    return given.permissions === null || allows(given.permissions.contents, "read");
  }

  /** Takes back all tokens that were given out. */
  revoke(): void {
    this.state.tokens.clear();
  }

  registerApp(id: string): FakeApp {
    const app = createApp(id);
    this.apps.push(app);
    return app;
  }

  /** The App's own webhook, for all repositories where it is installed by now. */
  addAppHook(app: FakeApp, { url, secret }: { readonly url: string; readonly secret: string }): FakeHook {
    const config = { url, secret, content_type: "json", insecure_ssl: "0" };
    const sent: FakeHook = { id: this.state.nextId(), events: ["pull_request"], active: true, config, deliveries: [] };
    app.hook = { url, secret, events: sent.events, sent };
    for (const { repositories } of app.installations.values())
      for (const name of repositories) this.repository(name).appHooks.push(sent);
    return sent;
  }

  async addRepository(
    name: string,
    files: Parameters<typeof createRepository>[0]["files"],
    { isPrivate = false }: { readonly isPrivate?: boolean } = {},
  ): Promise<FakeRepository> {
    const git = await createRepository({ root: this.#root, name, files });
    const id = createHash("sha256").update(name).digest().readUInt32BE();
    const repository: FakeRepository = {
      ...{ name, id, isPrivate, git, replica: null, pulls: new Map(), hooks: new Map(), statuses: new Map() },
      ...{ checks: new Map(), comments: new Map(), people: new Map(), appHooks: [] },
    };
    this.state.repositories.set(name.toLowerCase(), repository);
    return repository;
  }

  repository(name: string): FakeRepository {
    const found = this.state.repositories.get(name.toLowerCase());
    if (found === undefined) throw new Error(`the fake has no repository ${name}`);
    return found;
  }

  cloneUrl(name: string): string {
    return `${this.url}/${name}.git`;
  }

  /** Its hooks have been told, and answered, or did not. */
  openPullRequest(name: string, options: PullRequestOptions): Promise<PullHandle> {
    return openPullRequest({ state: this.state, root: this.#root, repository: this.repository(name) }, options);
  }

  /** A person writes below a pull request; its hooks have been told. */
  comment(name: string, pullRequest: number, login: string, body: string): Promise<CommentRecord> {
    return addComment(this.state, this.repository(name), { pullRequest, login, body });
  }
}

function createState(): FakeState {
  let id = 1_000;
  let deliveryId = 187_000_000_000;
  const clock = new Clock();
  return {
    ...{ url: "", repositories: new Map(), tokens: new Map(), asked: [], underWay: new Set(), pendingApps: new Map() },
    ...{
      faults: noFaults(),
      clock,
      startedAt: clock.now(),
      limits: new RateLimits(clock),
      lagMs: 0,
      deliveryMs,
      hookRanges: githubHookRanges,
    },
    nextId: () => ++id,
    nextDeliveryId: () => ++deliveryId,
  };
}

async function answer(parts: ApiParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, body, headers } = await answerApi(parts, request).catch((error: Error) => ({
    ...{ status: 500, body: { message: `the fake failed: ${error.stack}` }, headers: {} },
  }));
  parts.state.asked.push(`${request.method} ${request.url?.slice(apiPath.length)} ${status}`);
  const type = {
    "content-type": "application/json; charset=utf-8",
    "x-github-request-id": String(parts.state.nextId()),
  };
  response.writeHead(status, { ...type, ...headers }).end(body === undefined ? undefined : JSON.stringify(body));
}
