// What core/ports/git.ts promises of sizes and times: a repository that is too large costs little, and is refused with numbers.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { lstat, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import type { GitLimits } from "../../ci-server/adapters/git.ts";
import { limiterFile } from "../../ci-server/adapters/git-command.ts";
import { git as plainGit } from "../../lab/git.ts";
import { fails } from "../helpers/failure.ts";
import { GitTester, textOf } from "../helpers/git-tester.ts";

const mib = 1024 * 1024;

describe("Git, of what is too large", function () {
  this.timeout(60_000);
  let tester: GitTester;
  afterEach(() => tester.stop());

  async function start(limits: Partial<GitLimits> = {}): Promise<void> {
    tester = await GitTester.start({ git: { limits } });
  }

  it("T16: lays out nothing of a commit whose small pack unfolds to gigabytes", async () => {
    await start();
    const zeros = Buffer.alloc(100 * mib);
    const sha = await tester.repository.commit({ files: { "0.bin": zeros }, message: "Add zeros" });
    const blob = await git("rev-parse", `${sha}:0.bin`);
    const names = Array.from({ length: 24 }, (_none, index) => `100644 blob ${blob}\t${index}.bin\n`);
    await putTree(await plainGit(["mktree"], { cwd: tester.repository.folder, input: names.join("") }));
    const words = "of acme/shop are 2400 MiB in all; limits.repository_bytes_max allows 2048 MiB";
    await fails(tester.checkout(), "too_large", words, { kind: "source", hint: "raise limits.repository_bytes_max" });
    expect(await bytesBelow(join(tester.folder, "state"))).to.be.lessThan(2 * mib);
  });

  it("T16: does not count to the end of a tree that folds ten thousand million files", async () => {
    await start();
    const { folder } = tester.repository;
    let entry = `100644 blob ${await git("rev-parse", "main:a.txt")}`;
    for (let depth = 0; depth < 10; depth += 1) {
      const input = Array.from({ length: 10 }, (_none, index) => `${entry}\t${index}\n`).join("");
      entry = `040000 tree ${await plainGit(["mktree"], { cwd: folder, input })}`;
    }
    await putTree(entry.split(" ")[2] ?? "");
    const started = performance.now();
    await fails(
      tester.checkout(),
      "too_large",
      "has more than 500000 files; limits.repository_files_max allows no more",
      { kind: "source", hint: "raise limits.repository_files_max" },
    );
    expect(performance.now() - started).to.be.lessThan(15_000);
    expect(await bytesBelow(join(tester.folder, "state"))).to.be.lessThan(2 * mib);
  });

  it("T16: ends a fetch whose pack is larger than the mirror may be, and keeps none of it", async () => {
    await start({ mirrorBytesMax: 4 * mib });
    const before = await tester.repository.resolve("main");
    await addNoise(8);
    await fails(tester.checkout(), "too_large", "more than the 4 MiB that limits.mirror_bytes_max allows", {
      kind: "source",
      hint: "raise limits.mirror_bytes_max",
    });
    expect(await bytesBelow(join(tester.folder, "state"))).to.be.lessThan(mib);
    await git("update-ref", "refs/heads/main", before);
    expect(await textOf(await tester.checkout(), "a.txt")).to.equal("one\n");
  });

  it("T16: ends a fetch of many objects that are too large together", async () => {
    await start({ mirrorBytesMax: 4 * mib });
    const files = Array.from({ length: 150 }, (_none, index) => [`${index}.bin`, randomBytes(40_000)] as const);
    await tester.repository.commit({ files: Object.fromEntries(files), message: "Add much" });
    await fails(tester.checkout(), "too_large", "allows");
    expect(await bytesBelow(join(tester.folder, "state"))).to.be.lessThan(mib);
  });

  it("T16: lets git write no file that is larger than the mirror may be, whatever it was sent", async () => {
    await start({ mirrorBytesMax: 4 * mib });
    await addNoise(8);
    const file = join(tester.folder, "file");
    const args = [limiterFile(join(tester.folder, "state")), "archive", "-o", file, "main"];
    const { signal } = spawnSync("/bin/sh", args, { cwd: tester.repository.folder });
    expect(signal).to.equal("SIGXFSZ");
    expect((await lstat(file)).size).to.equal(4 * mib);
  });

  it("makes a mirror anew that old commits have made too large", async () => {
    await start({ mirrorBytesMax: 4 * mib });
    const before = await tester.repository.resolve("main");
    for (let index = 0; index < 3; index += 1) {
      await addNoise(2);
      expect(await textOf(await tester.checkout(), "a.txt")).to.equal("one\n");
      await git("update-ref", "refs/heads/main", before);
    }
    expect(await bytesBelow(tester.mirror)).to.be.lessThan(4 * mib);
  });

  it("T16: builds a merge whose pull request held too much, without what the squash left behind", async () => {
    await start({ mirrorBytesMax: 4 * mib });
    const commits = [
      { files: { "noise.bin": randomBytes(8 * mib) }, message: "Add by mistake" },
      { files: { "noise.bin": null, "b.txt": "b\n" }, message: "Take away again" },
    ] as const;
    const pullRequest = await tester.repository.openPullRequest({ branch: "change", commits });
    const { mergeCommitSha: sha } = await pullRequest.merge("squash");
    const merge = { headRef: `refs/pull/${pullRequest.number}/head`, headSha: pullRequest.headSha, commits: 2 };
    const checkout = await tester.checkout({}, { sha, merge });
    expect(await textOf(checkout, "b.txt")).to.equal("b\n");
    // It cannot be told any more how many of its commits the squash made one.
    expect(checkout.merge?.files).to.include("b.txt").and.not.include("noise.bin");
  });

  it("gives up a fetch that takes too long", async () => {
    await start({ fetchMsMax: 300 });
    const hanging = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(hanging, "listening");
    // A listening TCP server has an address with a port.
    const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/acme/shop.git`;
    await fails(tester.checkout({ url }), "timeout", `${url} was not fetched within 0.3 s; limits.git_seconds_max`);
    hanging.closeAllConnections();
    hanging.close();
  });

  function git(...args: string[]): Promise<string> {
    return plainGit(args, { cwd: tester.repository.folder });
  }

  async function putTree(tree: string): Promise<void> {
    await git("update-ref", "refs/heads/main", await git("commit-tree", "-p", "main", "-m", "Put a tree", tree));
  }

  /** What no compression makes smaller. */
  async function addNoise(mebibytes: number): Promise<void> {
    await tester.repository.commit({ files: { "noise.bin": randomBytes(mebibytes * mib) }, message: "Add noise" });
  }
});

describe("Git, of SHA-256", () => {
  let tester: GitTester;
  let shas: readonly string[];
  beforeEach(async () => {
    tester = await GitTester.start();
    const folder = join(tester.folder, "forge/acme/new.git");
    await plainGit(["init", "-q", "--bare", "--object-format=sha256", "--initial-branch=main", folder], { cwd: "/" });
    await plainGit(["config", "http.receivepack", "false"], { cwd: folder });
    await tester.file("forge/acme/new.git/git-daemon-export-ok", "");
    const input = (text: string, from: string) =>
      `commit refs/heads/main\ncommitter A <a@a> now\ndata 1\nx\n${from}M 644 inline a.txt\ndata ${text.length}\n${text}\n`;
    await plainGit(["fast-import", "--quiet", "--date-format=now"], { cwd: folder, input: input("one\n", "") });
    const first = await plainGit(["rev-parse", "main"], { cwd: folder });
    const next = input("two\n", `from ${first}\n`);
    await plainGit(["fast-import", "--quiet", "--date-format=now"], { cwd: folder, input: next });
    shas = [first, await plainGit(["rev-parse", "main"], { cwd: folder })];
  });
  afterEach(() => tester.stop());

  it("lays out a merge and tells what it changed, the first commit of all too", async () => {
    const url = tester.urlOf("acme/new");
    for (const [index, text] of ["one\n", "two\n"].entries()) {
      const merge = { headRef: null, headSha: null, commits: 1 };
      const checkout = await tester.checkout({ url }, { sha: shas[index] ?? "", merge });
      expect(await textOf(checkout, "a.txt")).to.equal(text);
      expect(checkout.merge?.files).to.deep.equal(["a.txt"]);
    }
  });

  it("finds out by itself which hash a repository has", async () => {
    expect((await tester.checkout({ url: tester.urlOf("acme/new") })).sha).to.equal(shas[1]);
    expect((await tester.checkout()).sha).to.match(/^[0-9a-f]{40}$/);
  });
});

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(({ parentPath, name }) => lstat(join(parentPath, name))));
  return sizes.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}
