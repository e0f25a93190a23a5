// What core/ports/prune.ts promises of SourceFolders, by git.

import { existsSync } from "node:fs";
import { mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createGit } from "../../ci-server/adapters/git.ts";
import type { Checkout } from "../../ci-server/core/ports.ts";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import { createRepository } from "../../lab/sample-repository.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const never = new AbortController().signal;

describe("the sweeping of mirrors and worktrees", () => {
  let folder: string;
  let server: GitServer;
  let git: Awaited<ReturnType<typeof createGit>>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "git-sweep-"));
    await createRepository({ root: folder, name: "acme/shop", files: { "a.txt": "one\n" } });
    server = await startGitServer({ root: folder });
    git = await createGit({
      folder: join(folder, "state"),
      protocols: ["http"],
      lowSpeedBytesPerSecond: 1_000,
      lowSpeedSeconds: 30,
    });
  });
  afterEach(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  function checkout(): Promise<Checkout> {
    const repository = exampleRepository({ url: `${server.url}/acme/shop.git` });
    return git.checkout({ repository, ref: "main", sha: null, merge: null, signal: never, log: () => undefined });
  }

  /** What is removed, after so many days without a build. */
  async function swept(repositories: readonly string[], { days = 0, dryRun = false } = {}): Promise<string[]> {
    const now = new Date(Date.now() + days * 24 * 3600 * 1000);
    const items = await git.sweep({ repositories, daysMax: 30, now, dryRun, signal: never });
    return items.filter(({ verdict }) => verdict === "remove").map(({ what }) => what);
  }

  it("removes what is not configured any more, and says so before", async () => {
    const { folder: worktree, release } = await checkout();
    release();
    const both = ["worktree worktrees/acme/shop", "mirror mirrors/acme/shop.git"];
    expect(await swept(["acme/other"], { dryRun: true })).to.deep.equal([
      "worktree worktrees/acme/shop",
      "mirror mirrors/acme/shop.git",
    ]);
    expect(existsSync(worktree)).to.equal(true);
    expect(await swept(["acme/other"])).to.deep.equal(both);
    expect(existsSync(worktree)).to.equal(false);
    expect(await swept(["acme/other"])).to.deep.equal([]);
  });

  it("leaves what is configured and was used of late, in whatever case it is written", async () => {
    (await checkout()).release();
    expect(await swept(["Acme/Shop"], { days: 29 })).to.deep.equal([]);
  });

  it("leaves what a build uses, and removes what lies beside it", async () => {
    const [used, free] = [await checkout(), await checkout()];
    free.release();
    expect(await swept([])).to.deep.equal(["worktree worktrees/acme/shop@1"]);
    expect([existsSync(used.folder), existsSync(free.folder)]).to.deep.equal([true, false]);
    used.release();
    const again = await checkout();
    expect(again.folder).to.equal(used.folder);
    again.release();
  });

  it("removes what was not built for long, and makes it anew when it is", async () => {
    const { folder: worktree, release } = await checkout();
    release();
    expect(await swept(["acme/shop"], { days: 31 })).to.deep.equal([
      "worktree worktrees/acme/shop",
      "mirror mirrors/acme/shop.git",
    ]);
    const again = await checkout();
    expect(existsSync(join(worktree, "a.txt"))).to.equal(true);
    again.release();
  });

  it("counts a checkout of the same commit as a use", async () => {
    const { folder: worktree, release } = await checkout();
    release();
    const index = join(folder, "state/mirrors/acme/shop.git/worktrees/shop/index");
    const old = new Date(Date.now() - 100 * 24 * 3600 * 1000);
    for (const file of [index, worktree]) await utimes(file, old, old);
    expect(await swept(["acme/shop"], { dryRun: true })).to.include("worktree worktrees/acme/shop");
    (await checkout()).release();
    expect(await swept(["acme/shop"], { dryRun: true })).to.deep.equal([]);
  });
});
