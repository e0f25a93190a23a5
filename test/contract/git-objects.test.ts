// What core/ports/git.ts promises of a checkout's `read`: files of the commit, and never what a link leads to.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createGit } from "../../ci-server/adapters/git.ts";
import type { Checkout } from "../../ci-server/core/ports.ts";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import { createRepository } from "../../lab/sample-repository.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { fails } from "../helpers/failure.ts";

const bytesMax = 64;

describe("a checkout's files, read from git's objects", () => {
  let folder: string;
  let server: GitServer;
  let checkout: Checkout;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "git-"));
    const repository = await createRepository({ root: folder, name: "acme/shop", files: { "a.txt": "one\n" } });
    const files = {
      ...{ "dir/sub/b.txt": "b\n", "[x]*.txt": "odd\n", ":(top)a.txt": "magic\n", empty: "" },
      ...{ binary: Buffer.from([0, 255, 10]), most: "m".repeat(bytesMax), large: "l".repeat(bytesMax + 1) },
    };
    const links = { zero: "/dev/zero", shadow: "/etc/shadow", inside: "a.txt", dirlink: "dir", "dir/up": "../a.txt" };
    const sha = await repository.commit({ files, links, message: "many" });
    await repository.commit({ files: { "a.txt": "later\n" }, message: "later" });
    server = await startGitServer({ root: folder });
    const limits = { lowSpeedBytesPerSecond: 1_000, lowSpeedSeconds: 30 };
    const git = await createGit({ folder: join(folder, "state"), protocols: ["http"], ...limits });
    checkout = await git.checkout({
      repository: exampleRepository({ url: `${server.url}/acme/shop.git` }),
      ...{ ref: "main", sha, merge: null, signal: new AbortController().signal, log: () => undefined },
    });
  });
  after(async () => {
    checkout.release();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function text(path: string): Promise<string | null> {
    const bytes = await checkout.read(path, bytesMax);
    return bytes && Buffer.from(bytes).toString("latin1");
  }

  it("are those of the commit, whatever lies in the folder or came later", async () => {
    await writeFile(join(checkout.folder, "a.txt"), "changed\n");
    expect(await text("a.txt")).to.equal("one\n");
    expect(await text("./dir//sub/../sub/b.txt")).to.equal("b\n");
    expect(await text("binary")).to.equal("\x00\xff\n");
    expect(await text("empty")).to.equal("");
  });

  it("bear their names as they are: no pattern and no magic", async () => {
    expect(await text("[x]*.txt")).to.equal("odd\n");
    expect(await text("*.txt")).to.equal(null);
    await fails(checkout.read(":(top)a.txt", bytesMax), "invalid", "cannot be read from this commit");
  });

  it("may be missing, and are not looked for through a linked folder", async () => {
    for (const path of ["none", "dir/none", "dir/sub/b.txt/c", "dirlink/sub/b.txt", "none/at/all"])
      expect(await text(path), path).to.equal(null);
  });

  it("T15: are no links, no folders, and no larger than asked for, which is told in well under a second", async () => {
    const refused: [path: string, words: string][] = [
      ["zero", "zero is a link; it has to be a regular file"],
      ["shadow", "shadow is a link"],
      ["inside", "inside is a link"],
      ["dir/up", "dir/up is a link"],
      ["dirlink", "dirlink is a link"],
      ["dir", "dir is a folder; it has to be a regular file"],
      ["large", "large has 65 bytes; it may have 64 at most"],
    ];
    const startedMs = performance.now();
    for (const [path, words] of refused) await fails(checkout.read(path, bytesMax), "invalid", words);
    expect(performance.now() - startedMs).to.be.lessThan(1_000);
    expect(await text("most")).to.have.length(bytesMax);
  });

  it("T18: lie within the repository", async () => {
    for (const path of ["../state/home/.gitconfig", "/etc/passwd", "dir/../../x", "..", ".", "", "dir/", "a\0b"])
      await fails(checkout.read(path, bytesMax), "invalid", "is not a file's path within the repository");
  });
});
