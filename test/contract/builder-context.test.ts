// What core/ports/builder.ts promises of Builder: what of a commit is sent to the engine, and what is refused.

import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { FileContent } from "../../lab/sample-commit.ts";
import { tarOf } from "../helpers/archive.ts";
import { builderContract } from "../helpers/builder-bench.ts";
import { runImage } from "../helpers/engine-images.ts";
import { fails } from "../helpers/failure.ts";

builderContract("Builder and its context", (bench) => {
  it("refuses a context or Dockerfile that is not in the commit", async () => {
    await bench.put({ Dockerfile: "FROM scratch\n" });
    await fails(bench.build({ context: "none" }), "invalid", "there is no folder none in this commit");
    await fails(bench.build({ dockerfile: "Other" }), "invalid", "there is no Other in . of this commit");
  });

  it("T18: refuses a context that leads out of the commit", async () => {
    await bench.put({ Dockerfile: "FROM scratch\n" });
    await symlink("/etc", join(bench.folder, "out"));
    await fails(bench.build({ context: "out" }), "invalid", "leads out of the repository");
    await fails(bench.build({ context: "../.." }), "invalid", "leads out of the repository");
  });

  it("T17: lets ADD unpack no archive to anywhere but into the image", async () => {
    const outside = await mkdtemp(join(tmpdir(), "outside-"));
    const victim = join(outside, "victim");
    await writeFile(victim, "intact");
    const archives = {
      up: await tarOf([[`../../../../../../../..${victim}`, "changed"]]),
      absolute: await tarOf([[victim, "changed"]]),
      link: await tarOf([
        ["out", { type: "symlink", linkname: outside }],
        ["out/victim", "changed"],
      ]),
      hard: await tarOf([
        ["own", { type: "link", linkname: `../../../../../../../..${victim}` }],
        ["own", "changed"],
      ]),
    };
    for (const [name, bytes] of Object.entries(archives)) {
      await bench.put({ "evil.tar": bytes, Dockerfile: "FROM scratch\nADD evil.tar /x/\n" });
      // Some are refused, some end up below the image's own root.
      await bench.build().catch((error: unknown) => expect(error, name).to.include({ code: "build_failed" }));
      expect([await readFile(victim, "utf8"), await readdir(outside)], name).to.deep.equal(["intact", ["victim"]]);
    }
    await rm(outside, { recursive: true });
  });

  it("T15: does not follow a .dockerignore to /dev/zero", async () => {
    await bench.put({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
    await symlink("/dev/zero", join(bench.folder, ".dockerignore"));
    await fails(bench.build(), "invalid", ".dockerignore has to be a regular file");
  });

  const unusable: [what: string, files: Readonly<Record<string, FileContent>>, context: string, words: string][] = [
    ["a context that is a file", { "a.txt": "x" }, "a.txt", "a.txt is not a folder"],
    ["a .dockerignore that is no pattern", { ".dockerignore": "[" }, ".", ".dockerignore cannot be read"],
    [
      "a .dockerignore that would keep us busy for ever",
      { ".dockerignore": `${"*a".repeat(14)}b`, ["a".repeat(200)]: "" },
      ".",
      "has more than 4 * in one name",
    ],
  ];
  for (const [what, files, context, words] of unusable) {
    it(`refuses ${what}, at once and by name`, async () => {
      await bench.put({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n", ...files });
      await fails(bench.build({ context }), "invalid", words);
    });
  }

  it("refuses a file whose name is not UTF-8", async () => {
    await bench.put({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
    await writeFile(Buffer.concat([Buffer.from(`${bench.folder}/a`), Buffer.from([0xff])]), "");
    await fails(bench.build(), "invalid", "is not UTF-8");
  });

  it("sends what .dockerignore leaves, links as links, and never .git", async () => {
    const script = 'find /all -mindepth 1 | sort && readlink /all/link && stat -c "%a %u" /all/run.sh /all/keep/b';
    await bench.putDockerfile(
      "COPY . /all",
      "RUN rm /all/busybox /all/Dockerfile /all/message.txt",
      `CMD ["/bin/sh", "-c", ${JSON.stringify(script)}]`,
    );
    await bench.put({
      ".dockerignore": "skip\n*.md\n!keep/*.md\n.dockerignore\n",
      "skip/a": "a",
      "keep/b": "b",
      "keep/c.md": "c",
      "d.md": "d",
      ".git": "gitdir: x",
    });
    await bench.put({ "run.sh": { content: "#!/bin/sh\n", executable: true } });
    await symlink("/nowhere", join(bench.folder, "link"));
    const built = await bench.build();
    const printed = (await runImage(bench.lab, built.imageId)).trim().split("\n");
    expect(printed).to.deep.equal([
      "/all/keep",
      "/all/keep/b",
      "/all/keep/c.md",
      "/all/link",
      "/all/run.sh",
      "/nowhere",
      "755 0",
      "644 0",
    ]);
  });
});
