// Git as the server has it, with repositories to fetch from: the conversation of the tests of sources.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGit, type GitOptions } from "../../ci-server/adapters/git.ts";
import type { Checkout, CheckoutRequest, Git } from "../../ci-server/core/ports.ts";
import type { Repository as Configured } from "../../ci-server/core/recipe.ts";
import { git as plainGit } from "../../lab/git.ts";
import { type GitServer, type GitServerOptions, startGitServer } from "../../lab/git-server.ts";
import { createRepository, type Repository } from "../../lab/sample-repository.ts";
import { exampleRepository } from "./example-repository.ts";

export interface GitTesterOptions {
  readonly server?: Omit<GitServerOptions, "root">;
  readonly git?: Partial<GitOptions>;
}

export class GitTester {
  readonly folder: string;
  readonly server: GitServer;
  readonly repository: Repository;
  readonly git: Git;
  /** What was logged. */
  readonly lines: string[] = [];

  private constructor(parts: Pick<GitTester, "folder" | "server" | "repository" | "git">) {
    this.folder = parts.folder;
    this.server = parts.server;
    this.repository = parts.repository;
    this.git = parts.git;
  }

  /** One repository, acme/shop, behind git's own server. */
  static async start(options: GitTesterOptions = {}): Promise<GitTester> {
    const folder = await mkdtemp(join(tmpdir(), "git-tester-"));
    const root = join(folder, "forge");
    const repository = await createRepository({ root, name: "acme/shop", files: { "a.txt": "one\n" } });
    const server = await startGitServer({ root, ...options.server });
    const git = await createGit({
      ...{
        folder: join(folder, "state"),
        protocols: ["http", "ssh"],
        lowSpeedBytesPerSecond: 1_000,
        lowSpeedSeconds: 30,
      },
      ...options.git,
    });
    return new GitTester({ folder, server, repository, git });
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  get url(): string {
    return this.urlOf("acme/shop");
  }

  get host(): string {
    return new URL(this.url).host;
  }

  get mirror(): string {
    return join(this.folder, "state/mirrors/acme/shop.git");
  }

  urlOf(name: string): string {
    return `${this.server.url}/${name}.git`;
  }

  another(name: string, files: Readonly<Record<string, string>> = { "lib.txt": "lib\n" }): Promise<Repository> {
    return createRepository({ root: join(this.folder, "forge"), name, files });
  }

  /** Writes a file that a setting names. */
  async file(name: string, text: string, mode = 0o600): Promise<string> {
    const file = join(this.folder, name);
    await writeFile(file, text, { mode });
    return file;
  }

  async checkout(configured: Partial<Configured> = {}, request: Partial<CheckoutRequest> = {}): Promise<Checkout> {
    const checkout = await this.git.checkout({
      repository: exampleRepository({ url: this.url, ...configured }),
      ...{ ref: "main", sha: null, merge: null, signal: new AbortController().signal },
      log: (text) => this.lines.push(text),
      ...request,
    });
    checkout.release();
    return checkout;
  }

  /** Puts submodules beside the files of main: a path for each, with what .gitmodules says of it and a commit. */
  async addSubmodules(
    submodules: Readonly<Record<string, { readonly url: string; readonly sha: string; readonly more?: string }>>,
    repository = this.repository,
  ): Promise<string> {
    const modules = Object.entries(submodules).map(
      ([path, { url, more = "" }]) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n${more}`,
    );
    const sha = await repository.commit({ files: { ".gitmodules": modules.join("") }, message: "Name submodules" });
    const links = Object.entries(submodules).map(([path, { sha: link }]) => `160000 ${link}\t${path}\n`);
    return commitWith(repository, sha, links.join(""));
  }
}

/** A further commit on main whose index has these entries too, as `git update-index --index-info` reads them. */
export async function commitWith(repository: Repository, parent: string, entries: string): Promise<string> {
  const { folder } = repository;
  const git = (args: readonly string[], input?: string) =>
    plainGit(["--git-dir=.", "--work-tree=.", ...args], { cwd: folder, ...(input === undefined ? {} : { input }) });
  await git(["read-tree", parent]);
  await git(["update-index", "--index-info"], entries);
  const sha = await git(["commit-tree", "-p", parent, "-m", "Change entries", await git(["write-tree"])]);
  await git(["update-ref", "refs/heads/main", sha]);
  return sha;
}

/** The text of a file of the checkout. */
export function textOf({ folder }: Checkout, file: string): Promise<string> {
  return readFile(join(folder, file), "utf8");
}
