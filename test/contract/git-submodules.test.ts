// What core/ports/git.ts promises of submodules: from allowed hosts only, exactly the commits that are named, as plain files.

import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { git as plainGit } from "../../lab/git.ts";
import type { Repository } from "../../lab/sample-repository.ts";
import { fails } from "../helpers/failure.ts";
import { commitWith, GitTester, textOf } from "../helpers/git-tester.ts";
import { type Listener, listen } from "../helpers/listener.ts";

const token = "token-of-the-tests";

describe("Git, of submodules", function () {
  this.timeout(60_000);
  let tester: GitTester;
  let lib: Repository;
  let libSha: string;
  let listener: Listener;
  let admits: (credentials: string, path: string) => boolean;
  beforeEach(async () => {
    admits = () => true;
    tester = await GitTester.start({ server: { admits: (...asked) => admits(...asked) } });
    lib = await tester.another("acme/lib", { "lib.txt": "lib\n", "dir/x.txt": "x\n" });
    libSha = await lib.resolve("main");
    listener = await listen();
  });
  afterEach(async () => {
    await tester.stop();
    await listener.close();
  });

  const own = () => ({ submoduleHosts: [tester.host] });

  it("lays out the commit that is named, and not what came after it", async () => {
    await lib.commit({ files: { "lib.txt": "newer\n" }, message: "Newer" });
    await tester.addSubmodules({ "libs/one": { url: tester.urlOf("acme/lib"), sha: libSha } });
    const checkout = await tester.checkout(own());
    expect(await textOf(checkout, "libs/one/lib.txt")).to.equal("lib\n");
    expect(await textOf(checkout, "libs/one/dir/x.txt")).to.equal("x\n");
    expect(await textOf(checkout, "a.txt")).to.equal("one\n");
  });

  it("follows relative URLs and those that are written for ssh, with the repository's own access", async () => {
    admits = (credentials) => credentials === `x-access-token:${token}`;
    const { hostname } = new URL(tester.url);
    await tester.addSubmodules({
      relative: { url: "../lib.git", sha: libSha },
      scp: { url: `git@${hostname}:acme/lib.git`, sha: libSha },
      ssh: { url: `ssh://git@${hostname}/acme/lib.git`, sha: libSha },
    });
    const tokenFile = await tester.file("token", token);
    const checkout = await tester.checkout({
      ...own(),
      access: { kind: "token", tokenFile, username: "x-access-token" },
    });
    for (const path of ["relative", "scp", "ssh"]) expect(await textOf(checkout, `${path}/lib.txt`)).to.equal("lib\n");
  });

  it("lays out those within submodules, relative to where those are", async () => {
    const middle = await tester.another("other/middle", { "middle.txt": "m\n" });
    const middleSha = await tester.addSubmodules({ inner: { url: "../../acme/lib.git", sha: libSha } }, middle);
    await tester.addSubmodules({ outer: { url: "../../other/middle", sha: middleSha } });
    const checkout = await tester.checkout(own());
    expect(await textOf(checkout, "outer/inner/lib.txt")).to.equal("lib\n");
  });

  it("leaves nothing of them behind when a later commit does not have them, or has others", async () => {
    const before = await tester.repository.resolve("main");
    const withOne = await tester.addSubmodules({ one: { url: "../lib.git", sha: libSha } });
    const second = await lib.commit({ files: { "lib.txt": "two\n", "dir/x.txt": null }, message: "Two" });
    const withNewer = await commitWith(tester.repository, withOne, `160000 ${second}\tone\n`);
    expect(await textOf(await tester.checkout(own(), { sha: withOne }), "one/lib.txt")).to.equal("lib\n");
    const newer = await tester.checkout(own(), { sha: withNewer });
    expect(await textOf(newer, "one/lib.txt")).to.equal("two\n");
    expect(await readdir(join(newer.folder, "one"))).to.deep.equal(["lib.txt"]);
    const { folder } = await tester.checkout(own(), { sha: before });
    expect((await readdir(folder)).sort()).to.deep.equal([".git", "a.txt"]);
    await tester.checkout(own(), { sha: withNewer });
    const without = await tester.checkout({}, { sha: withNewer });
    expect(await readdir(join(without.folder, "one"))).to.deep.equal([]);
    expect(tester.lines.at(-2)).to.contain('1 submodules are left out; "submodules: true" of acme/shop brings them');
  });

  it("sends the repository's token to no other host", async () => {
    const other = await GitTester.start();
    const otherLib = await other.another("acme/lib");
    await tester.addSubmodules({ one: { url: other.urlOf("acme/lib"), sha: await otherLib.resolve("main") } });
    const tokenFile = await tester.file("token", token);
    const withToken = { access: { kind: "token", tokenFile, username: "x-access-token" } as const };
    const checkout = await tester.checkout({ ...withToken, submoduleHosts: [other.host] });
    expect(await textOf(checkout, "one/lib.txt")).to.equal("lib\n");
    expect(other.server.requests.map(({ credentials }) => credentials)).to.not.contain(`x-access-token:${token}`);
    expect(new Set(other.server.requests.map(({ credentials }) => credentials))).to.deep.equal(new Set([""]));
    await other.stop();
  });

  it("T13: asks nothing of a host that is not allowed", async () => {
    const urls = [
      `${listener.url}/acme/lib.git`,
      "http://169.254.169.254/latest/meta-data.git",
      `http://localhost:${listener.port}/acme/lib.git`,
      `http://${tester.host}@127.0.0.1:${listener.port}/acme/lib.git`,
      `//127.0.0.1:${listener.port}/acme/lib.git`,
      `../../../127.0.0.1:${listener.port}/lib.git`,
    ];
    for (const url of urls) {
      await tester.addSubmodules({ one: { url, sha: libSha } });
      const failed = await tester.checkout(own()).then(
        () => "it was fetched",
        (error) => error.code,
      );
      // The last one is a path of the repository's own host, where there is nothing.
      expect(failed, url).to.equal(url.startsWith("../") ? "not_found" : "forbidden");
    }
    expect(listener.hits).to.deep.equal([]);
  });

  it("T13: asks nothing of a folder of the host that is not allowed", async () => {
    await tester.addSubmodules({ one: { url: tester.urlOf("other/lib"), sha: libSha } });
    const hosts = [`${tester.host}/acme`, "github.com"];
    await fails(tester.checkout({ submoduleHosts: hosts }), "forbidden", `is not one of ${hosts.join(", ")}`, {
      kind: "source",
      hint: `add ${tester.host} to the repository's submodule_hosts in mergedock.yml`,
    });
    expect(tester.server.requests.filter(({ path }) => path.includes("/other/"))).to.deep.equal([]);
  });

  it("T14: takes no command, no file and no transport of a .gitmodules", async () => {
    const canary = join(tester.folder, "canary");
    const urls = [
      `ext::sh -c "touch ${canary}"`,
      `file://${lib.folder}`,
      lib.folder,
      `-u./x`,
      `--upload-pack=touch ${canary}`,
      `ssh://-oProxyCommand=touch%20${encodeURIComponent(canary)}/x`,
      `git://${tester.host}/acme/lib.git`,
      "https://",
      "",
    ];
    for (const url of urls) {
      const more = `\tupdate = !touch ${canary}\n\tbranch = --upload-pack=touch\n`;
      await tester.addSubmodules({ one: { url, sha: libSha, more } });
      const failed = await tester.checkout(own()).then(
        () => "it was fetched",
        (error) => error.code,
      );
      expect(failed, url).to.be.oneOf(["forbidden", "invalid"]);
    }
    await tester.addSubmodules({ one: { url: "../lib.git", sha: libSha, more: `\tupdate = !touch ${canary}\n` } });
    // git's own check refuses the command already.
    await tester.checkout(own()).catch(() => undefined);
    expect(await access(canary).catch((error: NodeJS.ErrnoException) => error.code)).to.equal("ENOENT");
  });

  it("T14: lays out nothing where a path leads out of the checkout", async () => {
    const { folder } = lib;
    const evil = async (name: string) => {
      const blob = await plainGit(["hash-object", "-w", "--stdin"], { cwd: folder, input: "evil" });
      const tree = await plainGit(["mktree"], { cwd: folder, input: `100644 blob ${blob}\t${name}\n` });
      const sha = await plainGit(["commit-tree", "-m", "Evil", tree], { cwd: folder });
      await plainGit(["update-ref", "refs/heads/evil", sha], { cwd: folder });
      return sha;
    };
    for (const name of [".git", "..", ".GIT"]) {
      await tester.addSubmodules({ one: { url: "../lib.git", sha: await evil(name) } });
      await fails(tester.checkout(own()), "invalid", "git's own check (fsck) refuses", {
        kind: "source",
        hint: "git fsck --full",
      });
    }
  });

  it("says when a commit was never pushed, when .gitmodules is silent, and when there are too many", async () => {
    await tester.addSubmodules({ one: { url: "../lib.git", sha: "1".repeat(40) } });
    await fails(tester.checkout(own()), "not_found", "was that commit ever pushed?", {
      kind: "source",
      hint: "push the submodule's commit",
    });
    const head = await tester.repository.commit({ files: { ".gitmodules": null }, message: "Forget" });
    await commitWith(tester.repository, head, `160000 ${libSha}\tone\n`);
    const silent = "submodule one of acme/shop has no url in .gitmodules";
    await fails(tester.checkout(own()), "invalid", silent, { kind: "source", hint: "commit .gitmodules" });
    const many = Array.from({ length: 101 }, (_none, index) => [`m${index}`, { url: "../lib.git", sha: libSha }]);
    await tester.addSubmodules(Object.fromEntries(many));
    await fails(tester.checkout(own()), "too_large", "has more than 100 submodules", {
      kind: "source",
      hint: "fewer submodules",
    });
  });

  it("does not go round for ever in submodules of submodules", async () => {
    let [inner, sha] = ["lib", libSha];
    for (let depth = 1; depth <= 6; depth += 1) {
      const outer = await tester.another(`acme/deep-${depth}`);
      sha = await tester.addSubmodules({ in: { url: `../${inner}.git`, sha } }, outer);
      inner = `deep-${depth}`;
    }
    await tester.addSubmodules({ deep: { url: `../${inner}.git`, sha } });
    await fails(tester.checkout(own()), "too_large", "within one another more than 5 deep");
  });

  it("T16: counts the files of submodules with those of the repository", async () => {
    const big = await lib.commit({ files: { "big.bin": Buffer.alloc(3_000_000) }, message: "Big" });
    await tester.addSubmodules({ one: { url: "../lib.git", sha: big } });
    const small = await GitTester.start({ git: { limits: { repositoryBytesMax: 2_000_000 } } });
    await fails(
      small.checkout({ ...own(), url: tester.url }),
      "too_large",
      `${tester.urlOf("acme/lib")} are 3 MiB in all; limits.repository_bytes_max allows 2 MiB`,
    );
    await small.stop();
  });
});
