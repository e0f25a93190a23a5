// What core/ports/git.ts promises of LFS: the files themselves in the place of their pointers, from allowed hosts, as their ids say.

import { statSync } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { git as plainGit } from "../../lab/git.ts";
import { createFakeLfs, type FakeLfs, pointerOf } from "../fakes/lfs.ts";
import { fails } from "../helpers/failure.ts";
import { commitWith, GitTester, textOf } from "../helpers/git-tester.ts";
import { type Listener, listen } from "../helpers/listener.ts";

const token = "token-of-the-tests";
const attributes = "*.bin filter=lfs diff=lfs merge=lfs -text\n";

describe("Git, of LFS", function () {
  this.timeout(60_000);
  let lfs: FakeLfs;
  let tester: GitTester;
  let listener: Listener;
  let admits: (credentials: string, path: string) => boolean;
  beforeEach(async () => {
    lfs = createFakeLfs();
    admits = () => true;
    const server = { admits: (...asked: [string, string]) => admits(...asked), beside: lfs.answer };
    tester = await GitTester.start({ server });
    listener = await listen();
  });
  afterEach(async () => {
    await tester.stop();
    await listener.close();
  });

  const own = () => ({ lfsHosts: [tester.host] });

  async function commit(files: Readonly<Record<string, string>>): Promise<string> {
    return tester.repository.commit({ files: { ".gitattributes": attributes, ...files }, message: "Add files" });
  }

  it("puts the file where its pointer is, and downloads it once", async () => {
    const pointer = lfs.keep("the model");
    const first = await commit({ "models/a.bin": pointer, "b.bin": pointer });
    const second = await commit({ "other.txt": "x\n" });
    expect(await textOf(await tester.checkout(own(), { sha: first }), "models/a.bin")).to.equal("the model");
    const checkout = await tester.checkout(own(), { sha: second });
    expect(await textOf(checkout, "models/a.bin")).to.equal("the model");
    expect(await textOf(checkout, "b.bin")).to.equal("the model");
    expect(lfs.sent).to.have.length(1);
    expect(tester.lines).to.include("2 files of LFS, 1 objects of them downloaded");
    expect(await textOf(await tester.checkout({}, { sha: second }), "b.bin")).to.equal(pointer);
  });

  it("changes a file with its pointer, and never what it has downloaded", async () => {
    const first = await commit({ "a.bin": lfs.keep("one") });
    const second = await commit({ "a.bin": lfs.keep("two") });
    const third = await commit({ "a.bin": "no pointer any more" });
    for (const [sha, text] of [
      [first, "one"],
      [second, "two"],
      [third, "no pointer any more"],
      [first, "one"],
    ] as const)
      expect(await textOf(await tester.checkout(own(), { sha }), "a.bin")).to.equal(text);
    expect(lfs.sent).to.have.length(2);
  });

  it("gives each object a time of its own, by which an engine tells a file from another of its size", async () => {
    const texts = Array.from({ length: 40 }, (_none, index) => `object ${100 + index}`);
    await commit(Object.fromEntries(texts.map((text) => [`${text}.bin`, lfs.keep(text)])));
    const { folder } = await tester.checkout(own());
    const times = texts.map((text) => statSync(join(folder, `${text}.bin`), { bigint: true }).mtimeNs);
    expect(new Set(times).size).to.equal(texts.length);
  });

  it("leaves alone what .gitattributes does not give to LFS, what is no pointer, and links", async () => {
    const pointer = lfs.keep("content");
    const sha = await commit({ "a.txt": pointer, "small.bin": "small", "big.bin": "x".repeat(5_000) });
    const { folder } = tester.repository;
    const target = await plainGit(["hash-object", "-w", "--stdin"], { cwd: folder, input: "/etc/passwd" });
    await commitWith(tester.repository, sha, `120000 ${target}\tlink.bin\n`);
    const checkout = await tester.checkout(own());
    expect(await textOf(checkout, "a.txt")).to.equal(pointer);
    expect(await textOf(checkout, "small.bin")).to.equal("small");
    expect(await readlink(join(checkout.folder, "link.bin"))).to.equal("/etc/passwd");
    expect(lfs.sent).to.deep.equal([]);
  });

  it("keeps a program executable", async () => {
    const files = { ".gitattributes": attributes, "run.bin": { content: lfs.keep("#!/bin/sh\n"), executable: true } };
    await tester.repository.commit({ files, message: "Add a program" });
    const { folder } = await tester.checkout(own());
    expect((await lstat(join(folder, "run.bin"))).mode & 0o777).to.equal(0o755);
    expect(await readFile(join(folder, "run.bin"), "utf8")).to.equal("#!/bin/sh\n");
  });

  it("uses the repository's access, and says when it is refused", async () => {
    await commit({ "a.bin": lfs.keep("private") });
    admits = (credentials) => credentials === `x-access-token:${token}`;
    const access = { kind: "token", username: "x-access-token", tokenFile: await tester.file("token", token) } as const;
    expect(await textOf(await tester.checkout({ ...own(), access }), "a.bin")).to.equal("private");
    await commit({ "a.bin": lfs.keep("more") });
    admits = (credentials, path) => credentials !== "" && !path.includes("/info/lfs/");
    await fails(tester.checkout({ ...own(), access }), "unauthorized", 'check "access" of the repository');
  });

  it("fetches those of submodules from where the submodule is", async () => {
    const lib = await tester.another("acme/lib");
    const pointer = lfs.keep("of the library");
    const sha = await lib.commit({ files: { ".gitattributes": attributes, "lib.bin": pointer }, message: "Add" });
    await tester.addSubmodules({ "libs/one": { url: "../lib.git", sha } });
    const checkout = await tester.checkout({ ...own(), submoduleHosts: [tester.host] });
    expect(await textOf(checkout, "libs/one/lib.bin")).to.equal("of the library");
    const batches = tester.server.requests.filter(({ path }) => path.endsWith("/objects/batch"));
    expect(batches.map(({ path }) => path)).to.deep.equal(["/acme/lib.git/info/lfs/objects/batch"]);
  });

  it("T14: asks nothing of a .lfsconfig's url, nor of a host that is not allowed", async () => {
    const lfsconfig = `[lfs]\n\turl = ${listener.url}/lfs\n[remote "origin"]\n\tlfsurl = ${listener.url}/lfs\n`;
    await commit({ ".lfsconfig": lfsconfig, "a.bin": lfs.keep("content") });
    expect(await textOf(await tester.checkout(own()), "a.bin")).to.equal("content");
    await commit({ "a.bin": lfs.keep("elsewhere") });
    for (const [href, shown] of [
      [`${listener.url}/`, `http://127.0.0.1:${listener.port}`],
      ["http://169.254.169.254/latest/", "http://169.254.169.254"],
      ["file:///etc/passwd#", "file://"],
    ] as const) {
      lfs.hrefOf = (oid) => `${href}${oid}`;
      const words = `is at ${shown}, which is not one of ${tester.host}`;
      await fails(tester.checkout(own()), "forbidden", words, { kind: "source", hint: "lfs_hosts in mergedock.yml" });
    }
    expect(listener.hits).to.deep.equal([]);
  });

  it("T13: does not follow a redirect, and sends no token to the host that objects come from", async () => {
    await commit({ "a.bin": lfs.keep("content") });
    const redirecting = await listen(listener.url);
    lfs.hrefOf = (oid) => `${redirecting.url}/${oid}`;
    const access = { kind: "token", username: "x-access-token", tokenFile: await tester.file("token", token) } as const;
    const lfsHosts = [new URL(redirecting.url).host];
    await fails(tester.checkout({ access, lfsHosts }), "invalid", "answers with a redirect, which is not followed", {
      kind: "source",
      hint: '"url" in mergedock.yml',
    });
    expect(redirecting.hits).to.have.length(1);
    expect(redirecting.credentials).to.deep.equal([]);
    expect(listener.hits).to.deep.equal([]);
    await redirecting.close();
  });

  const lies: [what: string, kept: string | null, code: string, words: string, hint?: string][] = [
    ["another content", "other", "invalid", "has another content", "push the object again"],
    ["more than the pointer says", "right and more", "invalid", "is larger than its 5 bytes", "push the object again"],
    ["less than the pointer says", "ri", "unavailable", "ends after 2 of 5 bytes"],
    ["nothing", null, "not_found", "answers 404 for object", "push the object again"],
  ];
  for (const [what, kept, code, words, hint] of lies) {
    it(`keeps nothing of a host that gives ${what}`, async () => {
      const pointer = lfs.keep("right");
      const oid = /sha256:(\w+)/.exec(pointer)?.[1] ?? "";
      await commit({ "a.bin": pointer });
      if (kept === null) lfs.objects.delete(oid);
      else lfs.objects.set(oid, Buffer.from(kept));
      await fails(tester.checkout(own()), code, words, hint === undefined ? hint : { kind: "source", hint });
      lfs.objects.set(oid, Buffer.from("right"));
      expect(await textOf(await tester.checkout(own()), "a.bin")).to.equal("right");
    });
  }

  it("T16: refuses files that are too large by what their pointers say, before any is downloaded", async () => {
    await commit({ "a.bin": pointerOf("a".repeat(64), 3 * 1024 ** 3) });
    const words = "with those of LFS are 3073 MiB in all; limits.repository_bytes_max allows 2048 MiB";
    await fails(tester.checkout(own()), "too_large", words, {
      kind: "source",
      hint: "raise limits.repository_bytes_max",
    });
    expect(tester.server.requests.filter(({ path }) => path.includes("/info/lfs"))).to.deep.equal([]);
  });

  it("keeps no more of what earlier commits needed than a repository may be large", async () => {
    const small = await GitTester.start({
      server: { beside: lfs.answer },
      git: { limits: { repositoryBytesMax: 5_000 } },
    });
    const content = (letter: string) => letter.repeat(2_000);
    for (const letter of ["a", "b", "c"]) {
      const files = { ".gitattributes": attributes, "a.bin": lfs.keep(content(letter)) };
      await small.repository.commit({ files, message: letter });
      const checkout = await small.checkout({ lfsHosts: [small.host] });
      expect(await textOf(checkout, "a.bin")).to.equal(content(letter));
    }
    const count = lfs.sent.length;
    expect(await textOf(await small.checkout({ lfsHosts: [small.host] }), "a.bin")).to.equal(content("c"));
    expect(lfs.sent).to.have.length(count);
    const kept = await readdir(join(small.mirror, "lfs/objects"), { recursive: true });
    expect(kept.filter((name) => name.length > 60)).to.have.length(1);
    await small.stop();
  });
});
