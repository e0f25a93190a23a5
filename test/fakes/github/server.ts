// A fake GitHub, as an Enterprise Server is reached: git and the API on one address. It keeps state, speaks HTTP, has real git
// behind its repositories, and sends signed deliveries to their hooks.

import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type GitServer, startGitServer } from "../../../lab/git-server.ts";
import { closedPullRequest } from "../../../lab/pull-request-delivery.ts";
import type { MergeMethod, PullRequestOptions } from "../../../lab/sample-pull-request.ts";
import { createRepository } from "../../../lab/sample-repository.ts";
import { allows, answerApp, createApp, type FakeApp, signer } from "./apps.ts";
import { commentRoutes } from "./comments.ts";
import { hookRoutes, sendEvent } from "./hooks.ts";
import { type Answer, notFound, type Route } from "./routes.ts";
import type { FakePull, FakeRepository, FakeState, Token } from "./state.ts";
import { statusRoutes } from "./statuses.ts";

const api = "/api/v3";
const routes: readonly Route[] = [...hookRoutes, ...statusRoutes, ...commentRoutes];

export interface PullHandle extends FakePull {
  /** Merges in git and delivers; returns the merge's sha when every hook was answered, or was not. */
  merge(method?: MergeMethod): Promise<string>;
}

export class FakeGithub {
  readonly state: FakeState;
  readonly apps: FakeApp[] = [];
  readonly git: GitServer;
  readonly #root: string;

  private constructor(root: string, git: GitServer, state: FakeState) {
    this.#root = root;
    this.git = git;
    this.state = state;
  }

  /** `root`: an empty folder for its repositories. */
  static async start(root: string): Promise<FakeGithub> {
    let id = 1_000;
    const state: FakeState = {
      ...{ url: "", repositories: new Map(), tokens: new Map(), asked: [] },
      ...{ faults: { next: null, isCutOff: false, lostPayloads: new Set() }, nextId: () => ++id },
    };
    const holder: { github?: FakeGithub } = {};
    const git = await startGitServer({
      root,
      beside: (request, response) => {
        if (request.url?.startsWith(`${api}/`) !== true) return false;
        void holder.github?.answer(request, response);
        return true;
      },
    });
    state.url = git.url;
    holder.github = new FakeGithub(root, git, state);
    return holder.github;
  }

  get url(): string {
    return this.state.url;
  }

  async stop(): Promise<void> {
    await this.git.stop();
  }

  /** A person's token; without `repositories` it reaches all of them. */
  giveToken(login: string, repositories: readonly string[] | null = null): string {
    const token = `ghp_${randomBytes(18).toString("base64url")}`;
    this.state.tokens.set(token, { login, repositories, permissions: null, endsMs: Number.POSITIVE_INFINITY });
    return token;
  }

  registerApp(id: string): FakeApp {
    const app = createApp(id);
    this.apps.push(app);
    return app;
  }

  async addRepository(name: string, files: Parameters<typeof createRepository>[0]["files"]): Promise<FakeRepository> {
    const git = await createRepository({ root: this.#root, name, files });
    const repository: FakeRepository = {
      ...{ name, git, pulls: new Map(), hooks: new Map(), statuses: new Map(), checks: new Map() },
      ...{ comments: new Map(), people: new Map() },
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

  async openPullRequest(name: string, options: PullRequestOptions): Promise<PullHandle> {
    const repository = this.repository(name);
    const git = await repository.git.openPullRequest(options);
    const about = { repository: repository.git, cloneUrl: this.cloneUrl(name), pullRequest: git };
    const pull: PullHandle = {
      ...{ number: git.number, git, mergedSha: null },
      payload: () =>
        closedPullRequest({
          ...about,
          ...(pull.mergedSha === null ? {} : { merge: { mergeCommitSha: pull.mergedSha } }),
        }),
      merge: async (method = "merge") => {
        const { mergeCommitSha } = await git.merge(method);
        pull.mergedSha = mergeCommitSha;
        await sendEvent(this.state, repository, "pull_request", pull.payload());
        return mergeCommitSha;
      },
    };
    repository.pulls.set(pull.number, pull);
    return pull;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body, headers } = await this.#answer(request).catch((error: Error) => ({
      ...{ status: 500, body: { message: `the fake failed: ${error.stack}` }, headers: {} },
    }));
    this.state.asked.push(`${request.method} ${request.url?.slice(api.length)} ${status}`);
    const type = { "content-type": "application/json; charset=utf-8" };
    response.writeHead(status, { ...type, ...headers }).end(body === undefined ? undefined : JSON.stringify(body));
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const text = await readBody(request);
    const { next } = this.state.faults;
    if (next !== null && next.times > 0) {
      next.times -= 1;
      return { status: next.status, body: { message: "a fault on purpose" }, headers: next.headers ?? {} };
    }
    const { pathname, searchParams: query } = new URL(request.url ?? "", this.url);
    const path = decodeURIComponent(pathname.slice(api.length));
    const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    const { authorization = "" } = request.headers;
    if (/^\/app\/|^\/repos\/[^/]+\/[^/]+\/installation$/.test(path))
      return answerApp(this.state, signer(authorization, this.apps), request.method ?? "", path, body);
    const token = this.state.tokens.get(authorization.replace(/^(?:bearer|token) /i, ""));
    if (token === undefined || token.endsMs <= Date.now()) return { status: 401, body: { message: "Bad credentials" } };
    const [, owner = "", repo = "", rest = ""] = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(path) ?? [];
    const repository = this.state.repositories.get(`${owner}/${repo}`.toLowerCase());
    if (repository === undefined || !reaches(token, repository.name)) return notFound;
    return this.#route({ method: request.method ?? "", rest, token, repository, query, body });
  }

  async #route(given: Asked): Promise<Answer> {
    for (const route of routes) {
      const path = route.method === given.method ? match(route.path, given.rest) : null;
      if (path === null) continue;
      const lacks = refusal(route, given.token, given.repository);
      return lacks ?? route.answer({ state: this.state, ...given, path });
    }
    return notFound;
  }
}

interface Asked {
  readonly method: string;
  readonly rest: string;
  readonly token: Token;
  readonly repository: FakeRepository;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

function reaches({ repositories }: Token, name: string): boolean {
  return repositories === null || repositories.some((one) => one.toLowerCase() === name.toLowerCase());
}

/** docs: an App lacks a permission, 403; a person who may not, 404 as if there were nothing. */
function refusal({ needs }: Route, { login, permissions }: Token, { people }: FakeRepository): Answer | null {
  if (permissions !== null) {
    if (needs.permission === "metadata" || allows(permissions[needs.permission], needs.level)) return null;
    return { status: 403, body: { message: "Resource not accessible by integration" } };
  }
  const has = people.get(login) ?? "none";
  const enough = needs.permission === "repository_hooks" ? has === "admin" : allows(has, needs.level);
  return enough ? null : notFound;
}

function match(pattern: string, path: string): Record<string, string> | null {
  const names = pattern.split("/");
  const parts = path.split("/");
  if (names.length !== parts.length) return null;
  const pairs = names.map((name, index) => [name, parts[index] ?? ""] as const);
  if (pairs.some(([name, part]) => !name.startsWith(":") && name !== part)) return null;
  return Object.fromEntries(
    pairs.filter(([name]) => name.startsWith(":")).map(([name, part]) => [name.slice(1), part]),
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
