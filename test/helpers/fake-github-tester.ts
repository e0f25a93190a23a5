// Asks a fake GitHub over HTTP, as anybody would: the conversation of its own suite.

import { createSign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { git } from "../../lab/git.ts";
import type { FakeApp } from "../fakes/github/apps.ts";
import { FakeGithub, type PullHandle } from "../fakes/github/server.ts";
import type { FakeRepository } from "../fakes/github/state.ts";

export interface Asking {
  /** Null: nobody is named. The admin's when absent. */
  readonly token?: string | null;
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Fields;
  /** Where the answer is one. */
  readonly list: readonly Fields[];
}

/** Of answers, as far as the tests look at them one by one. */
export interface Fields {
  readonly id: number;
  readonly guid: string;
  readonly event: string;
  readonly status: string;
  readonly status_code: number;
  readonly redelivery: boolean;
  readonly body: string;
  readonly message: string;
  readonly token: string;
  readonly hooks: readonly string[];
  readonly rate: object;
  readonly resources: { readonly core: object };
  readonly request: { readonly payload: object };
}

export class FakeGithubTester {
  readonly folder: string;
  readonly github: FakeGithub;
  readonly repository: FakeRepository;
  readonly admin: string;
  #branches = 0;

  private constructor(folder: string, github: FakeGithub, repository: FakeRepository) {
    this.folder = folder;
    this.github = github;
    this.repository = repository;
    this.admin = github.giveToken("admin");
  }

  /** acme/shop, private; `admin` may do everything there, `octocat` may write, `reader` may read. */
  static async start(): Promise<FakeGithubTester> {
    const folder = await mkdtemp(join(tmpdir(), "fake-github-"));
    const github = await FakeGithub.start(join(folder, "forge"));
    const repository = await github.addRepository("acme/shop", { "a.txt": "a\n" }, { isPrivate: true });
    for (const [login, may] of [
      ["admin", "admin"],
      ["octocat", "write"],
      ["reader", "read"],
    ] as const)
      repository.people.set(login, may);
    return new FakeGithubTester(folder, github, repository);
  }

  async stop(): Promise<void> {
    await this.github.stop();
    await rm(this.folder, { recursive: true });
  }

  /** `question`: `GET /pulls/1`, of acme/shop; with a second slash (`GET //meta`) of the API itself. */
  async ask(question: string, { token = this.admin, body, headers = {} }: Asking = {}): Promise<Told> {
    const [method = "", path = ""] = question.split(" ");
    const below = path.startsWith("//") ? path.slice(1) : `/repos/acme/shop${path}`;
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const init = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
    const all = { "user-agent": "the fake's own suite", ...authorization, ...headers };
    const response = await fetch(`${this.github.apiUrl}${below}`, { method, headers: all, ...init });
    const text = await response.text();
    const json: unknown = text === "" ? null : JSON.parse(text);
    const { status, headers: answered } = response;
    // What a test looks at, it expects to be so.
    return { status, headers: answered, body: json as Fields, list: Array.isArray(json) ? json : [] };
  }

  open(): Promise<PullHandle> {
    const branch = `change-${++this.#branches}`;
    const commits = [{ files: { [`${branch}.txt`]: "x\n" }, message: `Add ${branch}` }] as const;
    return this.github.openPullRequest("acme/shop", { branch, commits });
  }

  async merge(): Promise<PullHandle> {
    const pull = await this.open();
    await pull.merge("squash");
    return pull;
  }

  /** A hook that an admin made, and its ping is over. */
  async addHook(url: string, events: readonly string[] = ["pull_request"]): Promise<number> {
    const config = { url, secret: "the secret of the hook", content_type: "json" };
    const { body } = await this.ask("POST /hooks", { body: { name: "web", events, config } });
    await this.github.settled();
    return body.id;
  }

  /** What `git ls-remote` or another question to the remote says; rejects with git's message. */
  git(args: (url: string) => readonly string[], token: string | null = this.admin): Promise<string> {
    const url = new URL(this.github.cloneUrl("acme/shop"));
    if (token !== null) [url.username, url.password] = ["x-access-token", token];
    return git(args(String(url)), { cwd: this.folder });
  }
}

/** RFC 7519, as an App signs it; `claims` replace the good ones. */
export function signJwt({ id, privateKey }: Pick<FakeApp, "id" | "privateKey">, claims: object = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const text = [
    { alg: "RS256", typ: "JWT" },
    { iat: now - 60, exp: now + 540, iss: id, ...claims },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${createSign("RSA-SHA256").update(text).sign(privateKey, "base64url")}`;
}
