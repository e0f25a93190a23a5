// A fake Gitea: git and the API on one address. It keeps state, speaks HTTP, has real git behind its repositories, and sends
// signed deliveries to their hooks.

import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { git } from "../../../lab/git.ts";
import { type GitServer, startGitServer } from "../../../lab/git-server.ts";
import type { PullRequest, PullRequestOptions } from "../../../lab/sample-pull-request.ts";
import { createRepository } from "../../../lab/sample-repository.ts";
import { hookRoutes, tellHooks } from "./hooks.ts";
import { type MergeStyle, mergeAs } from "./merge.ts";
import { closedPayload } from "./payloads.ts";
import { resourceRoutes } from "./resources.ts";
import { type Answer, notFound, type Question, type Route, refused } from "./routes.ts";
import type { FakeRepository, FakeState, Permission, Token } from "./state.ts";

const api = "/api/v1";
const routes: readonly Route[] = [...hookRoutes, ...resourceRoutes];
const everything = ["write:repository", "write:issue", "read:user"];

export interface PullHandle extends Omit<PullRequest, "merge"> {
  mergedSha: string | null;
  /** Merges in git and tells the hooks; returns the sha when all of them have answered, or have not. */
  merge(style?: MergeStyle): Promise<string>;
}

export class FakeGitea {
  readonly state: FakeState;
  readonly git: GitServer;
  readonly #root: string;

  private constructor(root: string, git: GitServer, state: FakeState) {
    this.#root = root;
    this.git = git;
    this.state = state;
  }

  /** `root`: an empty folder for its repositories. */
  static async start(root: string): Promise<FakeGitea> {
    // As of a new server: ids begin at 1.
    let id = 0;
    const state: FakeState = {
      ...{ url: "", flavour: "gitea", repositories: new Map(), tokens: new Map(), next: null, asked: [] },
      nextId: () => ++id,
    };
    const beside = (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.startsWith(`${api}/`) !== true) return false;
      void reply(state, request, response);
      return true;
    };
    const git = await startGitServer({ root, beside });
    state.url = git.url;
    return new FakeGitea(root, git, state);
  }

  get url(): string {
    return this.state.url;
  }

  async stop(): Promise<void> {
    await this.git.stop();
  }

  giveToken(login: string, scopes: readonly string[] = everything): string {
    const token = randomBytes(20).toString("hex");
    this.state.tokens.set(token, { login, scopes });
    return token;
  }

  async addRepository(name: string, files: Parameters<typeof createRepository>[0]["files"]): Promise<FakeRepository> {
    const repository: FakeRepository = {
      ...{ id: this.state.nextId(), name, git: await createRepository({ root: this.#root, name, files }) },
      ...{ pulls: new Set(), hooks: new Map(), statuses: [], comments: new Map(), people: new Map() },
    };
    this.state.repositories.set(name.toLowerCase(), repository);
    return repository;
  }

  async openPullRequest(repository: FakeRepository, options: PullRequestOptions): Promise<PullHandle> {
    const { merge: _ways, ...pull } = await repository.git.openPullRequest(options);
    repository.pulls.add(pull.number);
    const { folder } = repository.git;
    const handle: PullHandle = {
      ...pull,
      mergedSha: null,
      merge: async (style = "merge") => {
        const mergeBase = await git(["merge-base", pull.base, pull.headSha], { cwd: folder });
        const mergedSha = await mergeAs(style, folder, pull);
        handle.mergedSha = mergedSha;
        const payload = closedPayload({ repository, pull, mergedSha, mergeBase });
        await tellHooks(this.state, repository, "pull_request", payload);
        return mergedSha;
      },
    };
    return handle;
  }
}

async function reply(state: FakeState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { next } = state;
  state.next = null;
  const { status, body } =
    next === null
      ? await answer(state, request).catch((error: Error) => refused(500, `the fake failed: ${error.stack}`))
      : { status: next.status, body: next.body ?? { surprise: true } };
  state.asked.push(`${request.method} ${request.url?.slice(api.length)} ${status}`);
  const headers = { "content-type": "application/json;charset=utf-8", ...next?.headers };
  response.writeHead(status, headers).end(body === undefined ? undefined : JSON.stringify(body));
}

async function answer(state: FakeState, request: IncomingMessage): Promise<Answer> {
  let text = "";
  for await (const chunk of request) text += chunk;
  const { pathname, searchParams: query } = new URL(request.url ?? "", state.url);
  const path = decodeURIComponent(pathname.slice(api.length));
  const token = state.tokens.get((request.headers.authorization ?? "").replace(/^(?:bearer|token) /i, ""));
  if (token === undefined) return refused(401, "invalid username, password or token");
  if (path === "/user") return lacks(token, "read:user") ?? { status: 200, body: { id: 1, login: token.login } };
  const [, name = "", rest = ""] = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(path) ?? [];
  const repository = state.repositories.get(name.toLowerCase());
  if (repository === undefined) return notFound;
  const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  return route({ state, token, repository, query, body }, request.method ?? "", rest);
}

async function route(asked: Omit<Question, "path">, method: string, rest: string): Promise<Answer> {
  for (const one of routes) {
    const path = one.method === method ? match(one.path, rest) : null;
    if (path === null) continue;
    const scope = `${method === "GET" ? "read" : "write"}:${one.needs.scope}`;
    return lacks(asked.token, scope) ?? mayNot(asked, one) ?? one.answer({ ...asked, path });
  }
  return notFound;
}

function lacks({ scopes }: Token, scope: string): Answer | null {
  const has = scopes.includes(scope) || scopes.includes(scope.replace("read:", "write:"));
  return has ? null : refused(403, `token does not have at least one of required scope(s): [${scope}]`);
}

const levels: readonly Permission[] = ["none", "read", "write", "admin", "owner"];

function mayNot({ token, repository }: Omit<Question, "path">, { needs }: Route): Answer | null {
  const has = repository.people.get(token.login) ?? "none";
  if (levels.indexOf(has) >= levels.indexOf(needs.permission)) return null;
  return refused(403, "user should be an owner or a collaborator with admin write of a repository");
}

function match(pattern: string, path: string): Record<string, string> | null {
  const names = pattern.split("/");
  const parts = path.split("/");
  if (names.length !== parts.length || names.some((name, at) => !name.startsWith(":") && name !== parts[at]))
    return null;
  const pairs = names.map((name, at) => [name.slice(1), parts[at] ?? ""] as const);
  return Object.fromEntries(pairs.filter((_pair, at) => names[at]?.startsWith(":")));
}
