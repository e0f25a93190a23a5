// What a stranger may put into names, into a commit and into paths, and what comes of it: nothing is run, nothing is asked.

import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { openContext, packContext } from "../../ci-server/adapters/build-context.ts";
import { relativePath } from "../../ci-server/core/service.ts";
import { git as plainGit } from "../../lab/git.ts";
import { fails } from "../helpers/failure.ts";
import { commitWith, GitTester } from "../helpers/git-tester.ts";
import { type Listener, listen } from "../helpers/listener.ts";

describe("Git, of hostile names and commits", function () {
  this.timeout(60_000);
  let tester: GitTester;
  let listener: Listener;
  let canary: string;
  beforeEach(async () => {
    [tester, listener] = await Promise.all([GitTester.start(), listen()]);
    canary = join(tester.folder, "canary");
  });
  afterEach(async () => {
    expect(await access(canary).catch((error: NodeJS.ErrnoException) => error.code), "the canary").to.equal("ENOENT");
    expect(listener.hits).to.deep.equal([]);
    await Promise.all([tester.stop(), listener.close()]);
  });

  const names = [
    "--upload-pack=touch CANARY",
    "-uCANARY",
    "--exec=touch CANARY",
    "--output=CANARY",
    "-c protocol.allow=always",
    "-cprotocol.ext.allow=always",
    "--config=core.sshCommand=touch CANARY",
    "ext::sh -c touch% CANARY",
    "main:refs/heads/x",
    "refs/heads/*:refs/heads/*",
    "main --upload-pack=x",
    "main\n--upload-pack=touch CANARY",
    "main\0x",
    "../../../CANARY",
    "$(touch CANARY)",
    "`touch CANARY`",
    ";touch CANARY",
    "@{-1}",
    "main^{/x}",
    "",
  ];
  for (const name of names) {
    it(`T12: takes ${JSON.stringify(name)} for no ref, no commit and no head`, async () => {
      const text = name.replaceAll("CANARY", canary);
      await fails(tester.checkout({}, { ref: text }), "invalid", "is not a branch, tag or commit");
      await fails(tester.checkout({}, { sha: text }), "invalid", "is not a commit id");
      const merge = { headRef: text, headSha: null, commits: 1 };
      const sha = "a".repeat(40);
      await fails(tester.checkout({}, { sha, merge }), "invalid", "is not the ref of a pull request");
      expect(tester.server.requests).to.deep.equal([]);
    });
  }

  it("T12: opens no transport but those of the configuration", async () => {
    const { folder } = tester.repository;
    for (const url of [
      `ext::sh -c touch% ${canary}`,
      `fd::0`,
      `file://${folder}`,
      folder,
      `git://127.0.0.1:${listener.port}/acme/shop.git`,
      `ftp://127.0.0.1:${listener.port}/acme/shop.git`,
      `ssh://-oProxyCommand=touch%20${encodeURIComponent(canary)}/x`,
      `--upload-pack=touch ${canary}`,
    ])
      await fails(tester.checkout({ url }), "unavailable", "could not be fetched");
  });

  it("T14: runs nothing and asks nothing for what a commit says of hooks, filters, drivers and LFS", async () => {
    const evil = `touch ${canary}`;
    const config = [
      `[core]\n\tfsmonitor = ${evil}\n\tsshCommand = ${evil}\n\thooksPath = hooks\n\tbare = false\n\tworktree = ..`,
      `[filter "evil"]\n\tsmudge = ${evil}\n\tclean = ${evil}\n\tprocess = ${evil}\n\trequired = true`,
      `[diff "evil"]\n\ttextconv = ${evil}\n\tcommand = ${evil}\n[merge "evil"]\n\tdriver = ${evil}`,
      `[url "${listener.url}/"]\n\tinsteadOf = ${tester.server.url}/`,
    ].join("\n");
    const hook = { content: `#!/bin/sh\n${evil}\n`, executable: true };
    const bare = { HEAD: "ref: refs/heads/main\n", config, "objects/x": "", "refs/x": "", "hooks/post-checkout": hook };
    const files = {
      ".gitattributes": "* filter=evil diff=evil merge=evil\n*.bin filter=lfs\n",
      ...{ ".gitconfig": config, ".gitmodules": `[submodule "x"]\n\tpath = x\n\turl = ${listener.url}/x.git\n` },
      ".lfsconfig": `[lfs]\n\turl = ${listener.url}/lfs\n`,
      "a.bin": `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 5\n`,
      ...bare,
      ...Object.fromEntries(Object.entries(bare).map(([name, content]) => [`inner/${name}`, content])),
    };
    const first = await tester.repository.commit({ files, message: "Be evil" });
    const second = await commitWith(tester.repository, first, `160000 ${first}\tx\n`);
    for (const sha of [first, second, first]) {
      const merge = { headRef: null, headSha: null, commits: 1 };
      const checkout = await tester.checkout({}, { sha, merge });
      expect(await readFile(join(checkout.folder, "HEAD"), "utf8")).to.equal("ref: refs/heads/main\n");
    }
  });

  it("T14: runs no hook that is in the mirror, whoever put it there", async () => {
    await tester.checkout();
    for (const name of ["post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"]) {
      await mkdir(join(tester.mirror, "hooks"), { recursive: true });
      await writeFile(join(tester.mirror, "hooks", name), `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 });
    }
    const sha = await tester.repository.commit({ files: { "b.txt": "b\n" }, message: "More" });
    expect((await tester.checkout()).sha).to.equal(sha);
  });

  it("T14: refuses a commit that would write into .git or out of the checkout", async () => {
    const { folder } = tester.repository;
    const git = (args: readonly string[], input: string) => plainGit(args, { cwd: folder, input });
    const commit = (tree: string) => plainGit(["commit-tree", "-m", "Evil", tree], { cwd: folder });
    const blob = await git(["hash-object", "-w", "--stdin"], "evil");
    const inner = await git(["mktree"], `100755 blob ${blob}\tpost-checkout\n`);
    for (const name of [".git", ".GIT", ".git ", "..", ".git\u200c"]) {
      const tree = await git(["mktree"], `040000 tree ${inner}\t${name}\n`);
      await plainGit(["update-ref", "refs/heads/evil", await commit(tree)], { cwd: folder });
      // The names that only other file systems take for .git are refused too.
      await fails(tester.checkout({}, { ref: "evil" }), "invalid", "git's own check (fsck) refuses");
    }
  });

  it("T14: writes through no link of an earlier commit", async () => {
    const outside = join(tester.folder, "outside");
    await mkdir(outside);
    const { folder } = tester.repository;
    const link = await plainGit(["hash-object", "-w", "--stdin"], { cwd: folder, input: outside });
    const head = await tester.repository.resolve("main");
    const first = await commitWith(tester.repository, head, `120000 ${link}\tdir\n`);
    const second = await tester.repository.commit({ files: { dir: null, "dir/x": "x" }, message: "Make it a folder" });
    for (const sha of [first, second]) await tester.checkout({}, { sha });
    expect(await access(join(outside, "x")).catch((error: NodeJS.ErrnoException) => error.code)).to.equal("ENOENT");
  });
});

describe("the context of a hostile commit", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "context-"));
    await writeFile(join(folder, "Dockerfile"), "FROM scratch\n");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const pack = async (change: { context?: string; dockerfile?: string } = {}) =>
    packContext(await openContext({ folder, context: ".", dockerfile: "Dockerfile", ...change }), new Date(0));

  for (const target of ["/etc/shadow", "/dev/zero", "../../../../../../etc/passwd", "nowhere", "."]) {
    it(`T15: does not read a Dockerfile that is a link to ${target}`, async () => {
      await rm(join(folder, "Dockerfile"));
      await symlink(target, join(folder, "Dockerfile"));
      const started = performance.now();
      await fails(pack(), "invalid", "Dockerfile has to be a regular file of the context, or a link to one");
      expect(performance.now() - started).to.be.lessThan(1_000);
    });
  }

  it("T15: does not read a .dockerignore that is a link to /dev/zero or to /etc/shadow", async () => {
    for (const target of ["/dev/zero", "/etc/shadow"]) {
      await symlink(target, join(folder, ".dockerignore"));
      const started = performance.now();
      await fails(pack(), "invalid", ".dockerignore has to be a regular file");
      expect(performance.now() - started).to.be.lessThan(1_000);
      await rm(join(folder, ".dockerignore"));
    }
  });

  it("takes a Dockerfile that is a link to another file of the context", async () => {
    await writeFile(join(folder, "Dockerfile.prod"), "FROM scratch\n");
    await rm(join(folder, "Dockerfile"));
    await symlink("Dockerfile.prod", join(folder, "Dockerfile"));
    expect((await buffer(await pack())).includes("Dockerfile.prod")).to.equal(true);
  });

  it("T18: sends a link as a link, wherever it leads", async () => {
    await writeFile(join(folder, "secret"), "not in the archive");
    await mkdir(join(folder, "app"));
    await writeFile(join(folder, "app/Dockerfile"), "FROM scratch\n");
    for (const [name, target] of Object.entries({ passwd: "/etc/passwd", up: "../secret", folder: "/etc" }))
      await symlink(target, join(folder, "app", name));
    const archive = (await buffer(await pack({ context: "app" }))).toString("latin1");
    expect(archive).to.contain("/etc/passwd").and.not.contain("root:").and.not.contain("not in the archive");
  });

  for (const path of ["../../etc/passwd", "/etc/passwd", "a/../../b", "..", "a\0b", "..\\..\\x", ""]) {
    it(`T18: takes ${JSON.stringify(path)} for no path of a recipe`, () => {
      expect(relativePath.safeParse(path).success).to.equal(false);
    });
  }

  it("T18: refuses a context that leads out of the commit, by itself or through a link", async () => {
    await symlink("/etc", join(folder, "out"));
    await symlink("..", join(folder, "up"));
    for (const context of ["out", "up", "..", "../.."])
      await fails(pack({ context }), "invalid", "leads out of the repository");
    await fails(pack({ dockerfile: "../Dockerfile" }), "invalid", "there is no ../Dockerfile");
    await fails(pack({ dockerfile: "/etc/passwd" }), "invalid", "there is no /etc/passwd");
    await fails(pack({ dockerfile: "out/passwd" }), "invalid", "there is no out/passwd");
    await fails(pack({ context: "a\0b" }), "invalid", "there is no folder");
  });
});
