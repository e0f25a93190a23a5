import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { git } from "../../../lab/git.ts";
import type { PullRequest } from "../../../lab/sample-pull-request.ts";
import { createRepository, type Repository } from "../../../lab/sample-repository.ts";

describe("a sample pull request", () => {
  let root: string;
  let repository: Repository;
  let pullRequest: PullRequest;
  let mainSha: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "repository-test-"));
    const files = { "message.txt": "one\n", run: { content: Buffer.from([0, 255, 10]), executable: true }, old: "" };
    repository = await createRepository({ root, name: "acme/shop", files });
    pullRequest = await repository.openPullRequest({
      branch: "greet",
      commits: [
        { files: { "message.txt": "two\n" }, message: "Change the message" },
        { files: { old: null }, message: "Remove the old" },
      ],
    });
    mainSha = await repository.commit({ files: { other: "meanwhile" }, message: "Go on meanwhile" });
  });
  afterEach(() => rm(root, { recursive: true }));

  it("is a ref of the forge, and leaves the base branch alone", async () => {
    expect(pullRequest).to.include({ number: 1, title: "Change the message", base: "main" });
    expect(await repository.resolve("refs/pull/1/head")).to.equal(pullRequest.headSha);
    expect(await repository.resolve("main")).to.equal(mainSha);
    expect(pullRequest.baseSha).to.equal(await repository.resolve("main~1"));
  });

  it("is merged by a commit with two parents", async () => {
    const { mergeCommitSha, commits } = await pullRequest.merge("merge");
    expect(commits).to.deep.equal([mergeCommitSha]);
    expect(await log("%P %s")).to.equal(`${mainSha} ${pullRequest.headSha} Merge pull request #1 from acme/greet`);
  });

  it("is squashed into one commit", async () => {
    const { mergeCommitSha, commits } = await pullRequest.merge("squash");
    expect(commits).to.deep.equal([mergeCommitSha]);
    expect(await log("%P %s")).to.equal(`${mainSha} Change the message (#1)`);
  });

  it("is rebased commit by commit, with the author kept and new shas", async () => {
    const { mergeCommitSha, commits } = await pullRequest.merge("rebase");
    expect(commits)
      .to.have.length(2)
      .and.not.include.members([...pullRequest.commits]);
    expect(commits.at(-1)).to.equal(mergeCommitSha);
    expect(await log("%an %cn: %s", `${mainSha}..main`)).to.equal(
      "Ada Author Sample Forge: Remove the old\nAda Author Sample Forge: Change the message",
    );
  });

  for (const method of ["merge", "squash", "rebase"] as const) {
    it(`brings the same files by ${method}, and moves the base branch to the merge`, async () => {
      const { mergeCommitSha } = await pullRequest.merge(method);
      expect(await repository.resolve("main")).to.equal(mergeCommitSha);
      const tree = await git(["ls-tree", "--format=%(objectmode) %(path)", "main"], { cwd: repository.folder });
      expect(tree.split("\n")).to.deep.equal(["100644 message.txt", "100644 other", "100755 run"]);
      expect(await git(["show", "main:message.txt"], { cwd: repository.folder })).to.equal("two");
    });
  }

  it("that conflicts is not merged, and changes nothing", async () => {
    const sha = await repository.commit({ files: { "message.txt": "three\n" }, message: "Say something else" });
    const error = await pullRequest.merge("merge").catch((reason) => reason);
    expect(error.stdout).to.include("CONFLICT");
    expect(await repository.resolve("main")).to.equal(sha);
    expect(await git(["worktree", "list"], { cwd: repository.folder })).to.match(/^\S+ +\(bare\)$/);
  });

  function log(format: string, range = "-1 main"): Promise<string> {
    return git(["log", `--format=${format}`, ...range.split(" ")], { cwd: repository.folder });
  }
});
