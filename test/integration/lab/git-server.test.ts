import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { git } from "../../../lab/git.ts";
import { type GitServer, startGitServer } from "../../../lab/git-server.ts";
import { createRepository, type Repository } from "../../../lab/sample-repository.ts";

describe("the git server", () => {
  let folder: string;
  let server: GitServer;
  let repository: Repository;
  let url: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "git-server-test-"));
    const root = join(folder, "served");
    repository = await createRepository({ root, name: "acme/shop", files: { "message.txt": "hello\n" } });
    server = await startGitServer({ root });
    url = `${server.url}/acme/shop.git`;
  });
  afterEach(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it("serves a clone", async () => {
    await git(["clone", "--quiet", url, "copy"], { cwd: folder });
    expect(await readFile(join(folder, "copy/message.txt"), "utf8")).to.equal("hello\n");
    expect(server.requests).to.deep.include({
      method: "POST",
      path: "/acme/shop.git/git-upload-pack",
      credentials: "",
    });
  });

  it("serves one commit by its sha, also when the branch has gone on", async () => {
    const sha = await repository.resolve("main");
    await repository.commit({ files: { "message.txt": "later\n" }, message: "Change the message" });
    await git(["init", "--quiet", "--bare", "copy"], { cwd: folder });
    await git(["fetch", "--quiet", "--depth=1", url, sha], { cwd: join(folder, "copy") });
    expect(await git(["show", `${sha}:message.txt`], { cwd: join(folder, "copy") })).to.equal("hello");
  });

  it("streams more than fits into memory's buffers", async () => {
    const big = Buffer.alloc(8 * 1024 * 1024, randomBytes(1024 * 1024));
    await repository.commit({ files: { big }, message: "Add much" });
    await git(["clone", "--quiet", url, "copy"], { cwd: folder });
    expect((await readFile(join(folder, "copy/big"))).equals(big)).to.equal(true);
  });

  it("understands a gzip body", async () => {
    const response = await fetch(`${url}/git-upload-pack`, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-git-upload-pack-request",
        "Content-Encoding": "gzip",
        "Git-Protocol": "version=2",
      },
      body: gzipSync("0014command=ls-refs\n00010000"),
    });
    expect(await response.text()).to.include("refs/heads/main");
  });

  it("serves nothing that is not there, not exported or outside its root", async () => {
    await createRepository({ root: folder, name: "acme/outside", files: {} });
    await rm(join(repository.folder, "git-daemon-export-ok"));
    for (const path of ["acme/none.git", "acme/shop.git", "%2e%2e/acme/outside.git", "..%2facme/outside.git"]) {
      const response = await fetch(`${server.url}/${path}/info/refs?service=git-upload-pack`);
      expect(response.ok, path).to.equal(false);
      await response.text();
    }
  });

  it("takes no push", async () => {
    const { status } = await fetch(`${url}/info/refs?service=git-receive-pack`);
    expect(status).to.equal(403);
  });

  it("survives a path that is no path, and a client that goes away", async () => {
    expect((await fetch(`${server.url}/%ff`).catch(() => ({ status: 0 }))).status).to.not.equal(200);
    const gone = AbortSignal.timeout(1);
    await fetch(`${url}/info/refs?service=git-upload-pack`, { signal: gone }).catch(() => undefined);
    expect((await fetch(`${url}/info/refs?service=git-upload-pack`)).status).to.equal(200);
  });
});
