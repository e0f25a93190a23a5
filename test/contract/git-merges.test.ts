// What core/ports.ts promises of Git about a merge: how it was done, and exactly which files it changed.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createGit } from "../../ci-server/adapters/git.ts";
import type { MergeChanges, MergeHint } from "../../ci-server/core/ports.ts";
import { git as plainGit } from "../../lab/git.ts";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import type { Files } from "../../lab/sample-commit.ts";
import type { MergeMethod, PullRequest } from "../../lab/sample-pull-request.ts";
import { createRepository, type Repository } from "../../lab/sample-repository.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { fails } from "../helpers/failure.ts";

describe("Git, of a merge", function () {
  this.timeout(60_000);
  let folder: string;
  let server: GitServer;
  let repository: Repository;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "git-merges-"));
    const files = { "a.txt": "one\n", "dir/b.txt": "b\n" };
    repository = await createRepository({ root: folder, name: "acme/shop", files });
    server = await startGitServer({ root: folder });
  });
  afterEach(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function ask(sha: string, merge: MergeHint | null): Promise<MergeChanges | null> {
    const git = await createGit({
      ...{ folder: join(folder, "state"), protocols: ["http"], lowSpeedBytesPerSecond: 1_000, lowSpeedSeconds: 30 },
    });
    const configured = exampleRepository({ url: `${server.url}/acme/shop.git` });
    const signal = new AbortController().signal;
    const request = { repository: configured, ref: "main", sha, merge, signal, log: () => undefined };
    return (await git.checkout(request)).merge;
  }

  /** One file for each commit, so that a range that is too short shows. */
  function open(...names: string[]): Promise<PullRequest> {
    const [first = "", ...rest] = names;
    const toCommit = (name: string) => ({ files: { [name]: `${name}\n` }, message: `Add ${name}\n\nAs was said.` });
    const branch = `change-${first}`;
    return repository.openPullRequest({ branch, commits: [toCommit(first), ...rest.map(toCommit)] });
  }

  function hintOf({ number, headSha, commits }: PullRequest): MergeHint {
    return { headRef: `refs/pull/${number}/head`, headSha, commits: commits.length };
  }

  function plain(...args: string[]): Promise<string> {
    return plainGit(args, { cwd: repository.folder });
  }

  /** Runs git as a person in a clone of the repository, whose refs it has as they are there. */
  async function clone(): Promise<(...args: string[]) => Promise<string>> {
    const cwd = join(folder, "clone");
    await plainGit(["clone", "--quiet", repository.folder, cwd], { cwd: folder });
    return (...args) => plainGit(args, { cwd });
  }

  for (const method of ["merge", "squash", "rebase"] as const) {
    for (const names of [["x"], ["x", "dir/y", "z"]]) {
      it(`by ${method} of ${names.length} commit(s) tells the method and the files, though the base has moved before and after`, async () => {
        const pullRequest = await open(...names);
        const before = await repository.commit({ files: { "before.txt": "1" }, message: "before" });
        const { mergeCommitSha } = await pullRequest.merge(method);
        await repository.commit({ files: { "after.txt": "1" }, message: "after" });
        const changes = await ask(mergeCommitSha, hintOf(pullRequest));
        expect(changes).to.deep.equal({ method, since: before, files: [...names].sort() });
      });
    }

    it(`by ${method} of a branch that had merged main into itself has the branch's own files only`, async () => {
      const pullRequest = await open("x", "y");
      await repository.commit({ files: { "main.txt": "1" }, message: "on main" });
      const run = await clone();
      await run("checkout", "--quiet", pullRequest.branch);
      await run("merge", "--quiet", "-m", "Merge main", "origin/main");
      await writeFile(join(folder, "clone", "z"), "z");
      await run("add", "z");
      await run("commit", "--quiet", "-m", "Add z");
      const headSha = await run("rev-parse", "HEAD");
      await run("push", "--quiet", "origin", "HEAD", `HEAD:refs/pull/${pullRequest.number}/head`);
      const before = await repository.commit({ files: { "before.txt": "1" }, message: "before" });
      const sha = await mergeByHand(run, method, [...pullRequest.commits, headSha]);
      const changes = await ask(sha, { ...hintOf(pullRequest), headSha, commits: 4 });
      expect(changes).to.deep.equal({ method, since: before, files: ["x", "y", "z"] });
    });
  }

  describe("of a forge that says where the pull request begins, and not how many commits it has", () => {
    for (const method of ["merge", "squash", "rebase"] as const)
      it(`by ${method} has the same range`, async () => {
        const pullRequest = await open("x", "dir/y", "z");
        const before = await repository.commit({ files: { "before.txt": "1" }, message: "before" });
        const { mergeCommitSha } = await pullRequest.merge(method);
        const hint = { ...hintOf(pullRequest), commits: null, mergeBase: pullRequest.baseSha };
        const changes = await ask(mergeCommitSha, hint);
        expect(changes).to.deep.equal({ method, since: before, files: ["dir/y", "x", "z"] });
      });

    it("by fast-forward has all of its commits", async () => {
      await repository.commit({ files: { "earlier.txt": "1" }, message: "earlier" });
      const { number, baseSha, headSha } = await open("x", "dir/y", "z");
      await plain("update-ref", "refs/heads/main", headSha);
      const hint = { headRef: `refs/pull/${number}/head`, headSha, commits: null, mergeBase: baseSha };
      const changes = await ask(headSha, hint);
      expect(changes).to.deep.equal({ method: "fast_forward", since: baseSha, files: ["dir/y", "x", "z"] });
    });

    it("has the wider range where the remote does not have its commits, or nothing is known", async () => {
      const pullRequest = await open("x", "y");
      await repository.commit({ files: { "before.txt": "1" }, message: "before" });
      const { mergeCommitSha } = await pullRequest.merge("rebase");
      const none = { headRef: null, headSha: pullRequest.headSha, commits: null };
      const wide = await ask(mergeCommitSha, { ...none, mergeBase: pullRequest.baseSha });
      expect(wide?.files).to.deep.equal(["before.txt", "x", "y"]);
      expect((await ask(mergeCommitSha, none))?.files).to.include.members(["a.txt", "x", "y"]);
    });

    it("refuses what is no commit id", async () => {
      const { headSha } = await open("x");
      const merge = { headRef: null, headSha, commits: null, mergeBase: "--output=x" };
      await fails(ask(headSha, merge), "invalid", '"--output=x" is not a commit id');
    });
  });

  /** `commits`: the pull request's own without merges, its head last. */
  async function mergeByHand(
    run: (...args: string[]) => Promise<string>,
    method: MergeMethod,
    commits: readonly string[],
  ): Promise<string> {
    const head = commits.at(-1) ?? "";
    await run("fetch", "--quiet", "origin");
    await run("checkout", "--quiet", "-B", "main", "origin/main");
    if (method === "merge") await run("merge", "--quiet", "--no-ff", "-m", "Merge pull request", head);
    if (method === "rebase") await run("cherry-pick", ...commits);
    if (method === "squash") {
      await run("merge", "--quiet", "--squash", head);
      await run("commit", "--quiet", "-m", "Add all (#1)");
    }
    await run("push", "--quiet", "origin", "main");
    return run("rev-parse", "HEAD");
  }

  it("tells a pull request that was rebased though some of its commits had no part in it", async () => {
    const pullRequest = await open("x", "y", "z");
    const [, second = ""] = pullRequest.commits;
    const before = await repository.resolve("main");
    await plain("branch", "--force", "picked", "main");
    const run = await clone();
    const sha = await mergeByHand(run, "rebase", [second, pullRequest.headSha]);
    expect(await ask(sha, hintOf(pullRequest))).to.deep.equal({ method: "rebase", since: before, files: ["y", "z"] });
  });

  it("tells a branch that was moved to the pull request's head", async () => {
    const before = await repository.resolve("main");
    const pullRequest = await open("x", "y");
    await plain("update-ref", "refs/heads/main", pullRequest.headSha);
    const changes = await ask(pullRequest.headSha, hintOf(pullRequest));
    expect(changes).to.deep.equal({ method: "fast_forward", since: before, files: ["x", "y"] });
  });

  it("waits for the branch where the remote has the pull request's head already", async () => {
    const pullRequest = await open("x");
    await fails(ask(pullRequest.headSha, hintOf(pullRequest)), "unavailable", "on main yet");
    const other = { ...hintOf(pullRequest), headSha: "a".repeat(40) };
    await fails(ask(pullRequest.headSha, other), "conflict", "is not on main of acme/shop; it is not built");
  });

  it("takes the wider range where the remote does not have the pull request's commits, and says that it cannot tell", async () => {
    const before = await repository.commit({ files: { "before.txt": "1" }, message: "before" });
    const rebased = await open("x", "y");
    const { mergeCommitSha } = await rebased.merge("rebase");
    await plain("update-ref", "-d", `refs/pull/${rebased.number}/head`);
    const wide = { method: "squash_or_rebase", since: before, files: ["x", "y"] };
    expect(await ask(mergeCommitSha, hintOf(rebased))).to.deep.equal(wide);
    expect(await ask(mergeCommitSha, { ...hintOf(rebased), headRef: null })).to.deep.equal(wide);
    const squashed = await open("z", "u");
    const squash = await squashed.merge("squash");
    await plain("update-ref", "-d", `refs/pull/${squashed.number}/head`);
    const changes = await ask(squash.mergeCommitSha, hintOf(squashed));
    expect(changes).to.deep.include({ method: "squash_or_rebase", files: ["u", "y", "z"] });
    const single = await open("v");
    const { mergeCommitSha: singleSha } = await single.merge("rebase");
    expect(await ask(singleSha, { ...hintOf(single), headRef: null })).to.deep.include({ files: ["v"] });
  });

  it("goes back along the base branch, not along what was merged into it", async () => {
    const [tree, parent] = [await plain("rev-parse", "main^{tree}"), await repository.resolve("main")];
    const ada = "Ada Author <ada@example.com> 4102444800 +0000";
    const input = `tree ${tree}\nparent ${parent}\nauthor ${ada}\ncommitter ${ada}\n\nFrom the year 2100\n`;
    const newest = await plainGit(["hash-object", "-t", "commit", "-w", "--stdin"], { cwd: repository.folder, input });
    await plain("update-ref", "refs/heads/newest", newest);
    await mergeByHand(await clone(), "merge", [newest]);
    const squashed = await open("u", "v", "w");
    const { mergeCommitSha } = await squashed.merge("squash");
    const changes = await ask(mergeCommitSha, { ...hintOf(squashed), headRef: null });
    const files = ["a.txt", "dir/b.txt", "u", "v", "w"];
    expect(changes).to.deep.equal({ method: "squash_or_rebase", since: null, files });
  });

  it("tells a rebase that has tidied up the ends of the messages", async () => {
    const before = await repository.resolve("main");
    const commits = [{ files: { x: "x" }, message: "Add x\n\nAs was said.  \n\n\n" }] as const;
    const pullRequest = await repository.openPullRequest({ branch: "untidy", commits });
    const run = await clone();
    await mergeByHand(run, "rebase", [pullRequest.headSha]);
    await run("commit", "--quiet", "--amend", "--no-edit", "--cleanup=whitespace");
    await run("push", "--quiet", "--force", "origin", "main");
    const changes = await ask(await run("rev-parse", "HEAD"), hintOf(pullRequest));
    expect(changes).to.deep.equal({ method: "rebase", since: before, files: ["x"] });
  });

  it("does not trust commits of the pull request that are not those of the delivery", async () => {
    const before = await repository.resolve("main");
    const pullRequest = await open("x", "y");
    const { mergeCommitSha } = await pullRequest.merge("rebase");
    await plain("update-ref", `refs/pull/${pullRequest.number}/head`, String(pullRequest.commits[0]));
    const changes = await ask(mergeCommitSha, hintOf(pullRequest));
    expect(changes).to.deep.equal({ method: "squash_or_rebase", since: before, files: ["x", "y"] });
  });

  it("goes back no further than the first commit of all", async () => {
    const root = await repository.resolve("main");
    const all = { since: null, files: ["a.txt", "dir/b.txt"] };
    expect(await ask(root, { headRef: null, headSha: null, commits: 1 })).to.deep.include(all);
    expect(await ask(root, { headRef: null, headSha: null, commits: 7 })).to.deep.include(all);
    expect(await ask(root, { headRef: null, headSha: null, commits: 0 })).to.deep.include(all);
    expect(await ask(root, { headRef: null, headSha: root, commits: 2 ** 31 - 1 })).to.deep.include(all);
  });

  it("gives every name as it is, with line ends, quotes and letters of all kinds, and both names of what was moved", async () => {
    const names = ["dir/zwei\nZeilen", 'an "odd" name', "ünï/日本.txt", "\ttab", "-n", "emoji 😀", "😀/\n"];
    const files: Files = {
      ...Object.fromEntries(names.map((name) => [name, "x\n"])),
      "a.txt": null,
      "moved.txt": "one\n",
    };
    const pullRequest = await repository.openPullRequest({ branch: "odd", commits: [{ files, message: "Odd" }] });
    const { mergeCommitSha } = await pullRequest.merge("squash");
    const changes = await ask(mergeCommitSha, hintOf(pullRequest));
    expect([...(changes?.files ?? [])].sort()).to.deep.equal([...names, "a.txt", "moved.txt"].sort());
  });

  it("that changed nothing has no files", async () => {
    const pullRequest = await repository.openPullRequest({ branch: "none", commits: [{ files: {}, message: "None" }] });
    const { mergeCommitSha } = await pullRequest.merge("merge");
    expect(await ask(mergeCommitSha, hintOf(pullRequest))).to.deep.include({ method: "merge", files: [] });
  });

  it("is fetched without the pull request's commits when git's own check refuses them", async () => {
    const pullRequest = await open("x", "y");
    const { mergeCommitSha } = await pullRequest.merge("squash");
    const tree = await plain("rev-parse", "main^{tree}");
    const broken = `tree ${tree}\nauthor nobody\ncommitter nobody\n\nbroken\n`;
    const args = ["hash-object", "-t", "commit", "--literally", "-w", "--stdin"];
    const commit = await plainGit(args, { cwd: repository.folder, input: broken });
    await writeFile(join(repository.folder, `refs/pull/${pullRequest.number}/head`), `${commit}\n`);
    const changes = await ask(mergeCommitSha, { ...hintOf(pullRequest), headSha: commit });
    expect(changes).to.deep.include({ method: "squash_or_rebase" });
    expect(changes?.files).to.include.members(["x", "y"]);
  });

  it("is not looked at where nobody asks for it", async () => {
    const { merge, number } = await open("x");
    const { mergeCommitSha } = await merge("merge");
    expect(await ask(mergeCommitSha, null)).to.equal(null);
    const mirror = join(folder, "state/mirrors/acme/shop.git");
    expect(await plainGit(["for-each-ref", "refs/mergedock/head"], { cwd: mirror })).to.equal("");
    expect(number).to.equal(1);
  });

  it("leaves one name in the mirror for the commits of all pull requests", async () => {
    for (const name of ["x", "y", "z"]) {
      const pullRequest = await open(name);
      await ask((await pullRequest.merge("squash")).mergeCommitSha, hintOf(pullRequest));
    }
    const refs = await plainGit(["for-each-ref"], { cwd: join(folder, "state/mirrors/acme/shop.git") });
    expect(refs.split("\n")).to.have.length(2);
  });

  it("takes no options and no other names for the pull request's ref", async () => {
    const sha = await repository.resolve("main");
    for (const headRef of ["--upload-pack=x", "main", "refs/pull/1/../x", "refs/a:refs/heads/x", "refs/x y", ""])
      await fails(ask(sha, { headRef, headSha: null, commits: 1 }), "invalid", "is not the ref of a pull request");
  });
});
