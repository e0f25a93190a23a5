// Holds that the program unpacks no archive, because no archive that comes from elsewhere can then lead out of a folder.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";

const root = path.join(import.meta.dirname, "../..");
const unpackers = /\b(?:tar|tar-fs|unzipper|yauzl|adm-zip|decompress|extract-zip|modern-tar)\b/;
const programs = /["'`](?:tar|unzip|bsdtar|cpio|7z)["'`]/;

/** What of a file's text could unpack an archive. */
function unpacking(text: string): string[] {
  const imports = [
    ...text.matchAll(/^(?:import|export)\b[^;]*?from\s*"([^"]+)";|import\("([^"]+)"\)|require\("([^"]+)"\)/gm),
  ]
    .filter(
      ([, one, two, three]) => unpackers.test(one ?? two ?? three ?? "") && (one ?? two ?? three) !== "tar-stream",
    )
    .map(([statement]) => statement.trim());
  return [...imports.filter((one) => one !== 'import { pack } from "tar-fs";'), ...(text.match(programs) ?? [])];
}

describe("the archives", () => {
  it("T17: are packed by the program and never unpacked", () => {
    const files = ["ci-server", "certs"].flatMap((room) =>
      readdirSync(path.join(root, room), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => path.join(room, file)),
    );
    const found = files.flatMap((file) =>
      unpacking(readFileSync(path.join(root, file), "utf8")).map((what) => `${file}: ${what}`),
    );
    expect(files).to.include("ci-server/adapters/build-context.ts");
    expect(found).to.deep.equal([]);
  });

  for (const source of [
    'import { extract } from "tar-fs";',
    'import { pack, extract } from "tar-fs";',
    'import tar from "tar-fs";',
    'import * as tar from "tar-fs";',
    'const { extract } = await import("tar-fs");',
    'import { x } from "tar";',
    'spawn("tar", ["-x"]);',
  ]) {
    it(`T17: would be seen in ${source}`, () => expect(unpacking(source)).to.not.deep.equal([]));
  }

  it("T17: are packed by a version of tar-fs that has all of its mends", () => {
    const { dependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    const [major = 0, minor = 0, patch = 0] = String(dependencies["tar-fs"]).split(".").map(Number);
    expect(major * 1e6 + minor * 1e3 + patch).to.be.at.least(3_001_003);
  });
});
