// What core/ports.ts promises of Git, held by every implementation.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { createGit } from "../../ci-server/adapters/git.ts";
import type { Checkout, CheckoutRequest, Git } from "../../ci-server/core/ports.ts";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import { createRepository, type Repository } from "../../lab/sample-repository.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { fails } from "../helpers/failure.ts";

gitContract("simple-git", (folder) =>
  createGit({ folder, protocols: ["http"], lowSpeedBytesPerSecond: 1_000, lowSpeedSeconds: 30 }),
);

function gitContract(name: string, create: (folder: string) => Promise<Git>): void {
  describe(`Git by ${name}`, () => {
    let folder: string;
    let server: GitServer;
    let repository: Repository;
    let git: Git;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "git-"));
      repository = await createRepository({
        root: folder,
        name: "acme/shop",
        files: { "a.txt": "one\n", "dir/b.txt": "b\n" },
      });
      server = await startGitServer({ root: folder });
      git = await create(join(folder, "state"));
    });
    afterEach(async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function checkout(request: Partial<CheckoutRequest> = {}, url?: string): Promise<Checkout> {
      const laidOut = await hold(request, url);
      laidOut.release();
      return laidOut;
    }

    function hold(request: Partial<CheckoutRequest>, url = `${server.url}/acme/shop.git`): Promise<Checkout> {
      const signal = new AbortController().signal;
      return git.checkout({
        repository: exampleRepository({ url }),
        ref: "main",
        sha: null,
        merge: null,
        signal,
        log: () => undefined,
        ...request,
      });
    }

    it("says whether the remote has a branch, by its whole name", async () => {
      await repository.commit({ branch: "release/next", files: {}, message: "Release" });
      const { signal } = new AbortController();
      const shop = exampleRepository({ url: `${server.url}/acme/shop.git` });
      const names = ["main", "release/next", "next", "gone", "*"];
      const found = await Promise.all(names.map((branch) => git.hasBranch(shop, branch, signal)));
      expect(found).to.deep.equal([true, true, false, false, false]);
      const away = exampleRepository({ url: "http://127.0.0.1:1/acme/shop.git" });
      await fails(git.hasBranch(away, "main", signal), "unavailable", "could not be fetched");
      const none = exampleRepository({ url: `${server.url}/acme/none.git` });
      await fails(git.hasBranch(none, "main", signal), "not_found", "there is no repository at");
    });

    it("lays out exactly the commit asked for, and not what came after it", async () => {
      const sha = await repository.commit({ files: { "a.txt": "two\n" }, message: "two" });
      await repository.commit({ files: { "a.txt": "three\n" }, message: "three" });
      const laidOut = await checkout({ sha });
      expect(laidOut.sha).to.equal(sha);
      expect(await readFile(join(laidOut.folder, "a.txt"), "utf8")).to.equal("two\n");
      expect(laidOut.committedAt.getTime()).to.be.greaterThan(0);
    });

    it("knows which of two commits comes first, also of one that was merged after the fetch", async () => {
      const first = await repository.resolve("main");
      const second = await repository.commit({ files: { "a.txt": "two\n" }, message: "two" });
      const { isAncestor } = await checkout({ sha: second });
      expect(await isAncestor(first, second)).to.equal(true);
      expect(await isAncestor(second, second)).to.equal(true);
      expect(await isAncestor(second, first)).to.equal(false);
      const third = await repository.commit({ files: { "a.txt": "three\n" }, message: "three" });
      expect(await isAncestor(second, third)).to.equal(true);
      for (const unknown of ["0".repeat(40), "main", "--all"]) expect(await isAncestor(second, unknown)).to.equal(null);
    });

    it("leaves nothing of an earlier checkout in the folder that it uses again", async () => {
      const first = await repository.resolve("main");
      const second = await repository.commit({ files: { "new.txt": "new\n" }, message: "new" });
      expect(await readdir((await checkout({ sha: second })).folder)).to.include("new.txt");
      const laidOut = await checkout({ sha: first });
      expect((await readdir(laidOut.folder)).filter((file) => file !== ".git").sort()).to.deep.equal(["a.txt", "dir"]);
    });

    it("gives each of several checkouts a folder of its own, until it is released", async () => {
      const shas = [await repository.resolve("main")];
      for (const text of ["two", "three"])
        shas.push(await repository.commit({ files: { "a.txt": `${text}\n` }, message: text }));
      const held = await Promise.all(shas.map((sha) => hold({ sha })));
      expect(new Set(held.map(({ folder: one }) => one)).size).to.equal(3);
      const texts = await Promise.all(held.map(({ folder: one }) => readFile(join(one, "a.txt"), "utf8")));
      expect(texts).to.deep.equal(["one\n", "two\n", "three\n"]);
      held[1]?.release();
      const again = await hold({ sha: shas[0] ?? "" });
      expect(again.folder).to.equal(held[1]?.folder);
      expect(await readFile(join(again.folder, "a.txt"), "utf8")).to.equal("one\n");
    });

    it("keeps no folder for a checkout that failed", async () => {
      const { folder: usual } = await checkout();
      await fails(hold({ ref: "nowhere" }), "not_found", "nowhere");
      expect((await checkout()).folder).to.equal(usual);
    });

    it("leaves nothing of a checkout that was cancelled in the middle", async () => {
      const before = await repository.resolve("main");
      const many = Object.fromEntries(Array.from({ length: 4_000 }, (_none, index) => [`many/${index}`, `${index}\n`]));
      const sha = await repository.commit({ files: many, message: "many" });
      const { folder: worktree } = await checkout({ sha: before });
      const stop = new AbortController();
      const cancelled = checkout({ sha, signal: stop.signal }).then(
        () => "it was not cancelled in time",
        () => "cancelled",
      );
      while (!existsSync(join(worktree, "many"))) await new Promise((resolve) => setImmediate(resolve));
      stop.abort(new Error("enough"));
      expect(await cancelled).to.equal("cancelled");
      const laidOut = await checkout({ sha: before });
      expect(laidOut.folder).to.equal(worktree);
      expect((await readdir(worktree)).sort()).to.deep.equal([".git", "a.txt", "dir"]);
    });

    it("mends a checkout that was broken off", async () => {
      const sha = await repository.resolve("main");
      const { folder: worktree } = await checkout({ sha });
      await rm(join(worktree, ".git"));
      expect(await readFile(join((await checkout({ sha })).folder, "a.txt"), "utf8")).to.equal("one\n");
    });

    it("resolves a branch, a tag or a commit where no commit is given", async () => {
      const first = await repository.resolve("main");
      const second = await repository.commit({ branch: "next", files: { "a.txt": "next\n" }, message: "next" });
      expect((await checkout({ ref: "next" })).sha).to.equal(second);
      expect((await checkout({ ref: first })).sha).to.equal(first);
    });

    it("T11: refuses a commit that is not on its branch", async () => {
      const elsewhere = await repository.commit({ branch: "fork", files: { "a.txt": "evil\n" }, message: "evil" });
      await checkout({ ref: "fork" });
      await fails(
        checkout({ sha: elsewhere }),
        "conflict",
        `${elsewhere} is not on main of acme/shop; it is not built`,
      );
    });

    it("says that a commit is not there yet, that a ref is not there, that nobody answers", async () => {
      await fails(checkout({ sha: "a".repeat(40) }), "unavailable", "does not have aaaa");
      await fails(checkout({ ref: "none" }), "not_found", "acme/shop has no refs/tags/none");
      await fails(
        checkout({}, `${server.url}/acme/none.git`),
        "not_found",
        'check "url" of acme/shop in mergedock.yml',
      );
      await fails(checkout({}, "http://127.0.0.1:1/x.git"), "unavailable", "could not be fetched");
    });

    it("keeps refs apart of which one is a folder of the other", async () => {
      await repository.commit({ branch: "release", files: { "a.txt": "r\n" }, message: "r" });
      await checkout({ ref: "release" });
      await plainGit(repository.folder, "branch", "-D", "release");
      const sha = await repository.commit({ branch: "release/1.0", files: { "a.txt": "1\n" }, message: "1" });
      expect((await checkout({ ref: "release/1.0" })).sha).to.equal(sha);
    });

    it("makes a mirror anew that a killed process left locked", async () => {
      await checkout();
      const mirror = join(folder, "state/mirrors/acme/shop.git");
      const [ref = ""] = (await plainGit(mirror, "for-each-ref", "--format=%(refname)")).trim().split("\n");
      await writeFile(join(mirror, `${ref}.lock`), "");
      const sha = await repository.commit({ files: { "a.txt": "after\n" }, message: "after" });
      expect((await checkout({ sha })).sha).to.equal(sha);
    });

    it("T12: takes no options and no other transports for names", async () => {
      const canary = join(folder, "canary");
      const refs = [
        "--upload-pack=touch canary",
        `--output=${canary}`,
        "-x",
        "a..b",
        "main:refs/heads/x",
        "a b",
        "",
        "a//b",
        "$(touch canary)",
      ];
      for (const ref of refs) await fails(checkout({ ref }), "invalid", "is not a branch, tag or commit");
      await fails(checkout({ sha: "--output=x" }), "invalid", "is not a commit id");
      for (const url of [
        `ext::sh -c "touch ${canary}"`,
        `file://${folder}/acme/shop.git`,
        join(folder, "acme/shop.git"),
      ]) {
        await fails(checkout({}, url), "unavailable", "could not be fetched");
      }
      expect(await access(canary).catch((error: NodeJS.ErrnoException) => error.code)).to.equal("ENOENT");
    });

    it("T13: does not follow a redirect", async () => {
      const listener = await listen();
      const redirecting = await listen(`http://127.0.0.1:${listener.port}/acme/shop.git`);
      await fails(checkout({}, `http://127.0.0.1:${redirecting.port}/acme/shop.git`), "invalid", "redirect");
      expect(listener.hits).to.equal(0);
      await Promise.all([listener.close(), redirecting.close()]);
    });

    it("T14: runs nothing of the repository and fetches no submodules", async () => {
      const listener = await listen();
      const modules = `[submodule "x"]\n\tpath = x\n\turl = http://127.0.0.1:${listener.port}/x.git\n`;
      const sha = await repository.commit({
        files: { ".gitmodules": modules, ".gitattributes": "* filter=evil\n" },
        message: "modules",
      });
      await checkout({ sha });
      expect(listener.hits).to.equal(0);
      await listener.close();
    });

    it("stops when it is told to", async () => {
      const hanging = await listen(null);
      const stop = new AbortController();
      const running = checkout({ signal: stop.signal }, `http://127.0.0.1:${hanging.port}/x.git`);
      await hanging.firstHit;
      stop.abort(new Error("enough"));
      expect((await running.catch((error: Error) => error)) as Error).to.have.property("message", "enough");
      await hanging.close();
    });
  });
}

/** Git as somebody else has it in hand. */
async function plainGit(cwd: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)("git", args, { cwd })).stdout;
}

interface Listener {
  readonly port: number;
  readonly hits: number;
  readonly firstHit: Promise<void>;
  close(): Promise<void>;
}

/** Answers with a redirect to `location`, with 404 where there is none, or never (null). */
async function listen(location?: string | null): Promise<Listener> {
  let hits = 0;
  let hit: () => void = () => undefined;
  const firstHit = new Promise<void>((resolve) => {
    hit = resolve;
  });
  const server: Server = createServer((request, response) => {
    hits += 1;
    hit();
    if (location === null) return;
    if (location === undefined) response.writeHead(404).end();
    else response.writeHead(302, { location: `${location}${request.url?.replace(/^.*\.git/, "")}` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    port: (server.address() as AddressInfo).port,
    get hits() {
      return hits;
    },
    firstHit,
    close,
  };
}
