// Holds that the program unpacks no archive, because no archive that comes from elsewhere can then lead out of a folder.

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { readLayer } from "../../ci-server/adapters/sbom/read-layer.ts";
import { tarOf } from "../helpers/archive.ts";

const root = path.join(import.meta.dirname, "../..");
const unpackers = /\b(?:tar|tar-fs|unzipper|yauzl|adm-zip|decompress|extract-zip|modern-tar)\b/;
/** What is called, or stands first in a command: elsewhere it is a word. */
const programs = /(?:\(|\bcommand:\s*\[)\s*["'`](?:tar|unzip|bsdtar|cpio|7z)["'`]/;

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

const limits = { layerBytesMax: 1e6, layerEntriesMax: 100, layerPackagesMax: 50, fileBytesMax: 1e4 };
const evil = '{ "name": "evil", "version": "6.6.6" }';
const inImage = "node_modules/x/package.json";

/** Archives that would write to `victim`, an absolute path, if somebody unpacked them. */
const escaping: [
  what: string,
  entries: (victim: string) => Parameters<typeof tarOf>[0],
  problem: (victim: string) => string,
][] = [
  [
    "a path upwards",
    (victim) => [[`../../../../../../../..${victim}`, evil]],
    (victim) => `/../../../../../../../..${victim}: it leads out of the image, and is not read`,
  ],
  [
    "a link out, and a file through it",
    (victim) => [
      ["node_modules", { type: "symlink", linkname: path.dirname(path.dirname(path.dirname(victim))) }],
      [inImage, evil],
    ],
    () => `/${inImage}: it lies behind the link /node_modules, and is not read`,
  ],
  [
    "a hard link out, and a file in its place",
    (victim) => [
      [inImage, { type: "link", linkname: victim }],
      [inImage.replace("x", "y"), { type: "link", linkname: `../../../../../..${victim}` }],
    ],
    (victim) => `/${inImage}: it is a hard link to ${victim}, which is not read`,
  ],
];

describe("the archives", () => {
  let folder: string;
  let victim: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "archives-"));
    victim = path.join(folder, "victim");
    writeFileSync(victim, "intact");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function read(bytes: Buffer) {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    async function* stream() {
      yield bytes;
    }
    return readLayer({ digest, stream: stream(), limits, signal: new AbortController().signal });
  }

  for (const [what, entries, problem] of escaping) {
    it(`T17: with ${what} leave the victim as it is, and are told of`, async () => {
      const found = await read(await tarOf(entries(victim)));
      expect(found.problems).to.include(problem(victim));
      expect(found.files).to.deep.equal([]);
      expect(readFileSync(victim, "utf8")).to.equal("intact");
      expect(readdirSync(folder)).to.deep.equal(["victim"]);
    });
  }

  it("T17: with an absolute path are read as what lies in the image", async () => {
    const file = path.join(folder, inImage);
    const found = await read(
      await tarOf([
        [file, evil],
        [victim, "changed"],
      ]),
    );
    expect(found.files.map((one) => one.path)).to.deep.equal([file.slice(1)]);
    expect(readFileSync(victim, "utf8")).to.equal("intact");
    expect(readdirSync(folder)).to.deep.equal(["victim"]);
  });

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
    'await run("bsdtar", ["-x"]);',
    'startService({ command: ["tar", "-x"] });',
  ]) {
    it(`T17: would be seen in ${source}`, () => expect(unpacking(source)).to.not.deep.equal([]));
  }

  it("T17: are packed by a version of tar-fs that has all of its mends", () => {
    const { dependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    const [major = 0, minor = 0, patch = 0] = String(dependencies["tar-fs"]).split(".").map(Number);
    expect(major * 1e6 + minor * 1e3 + patch).to.be.at.least(3_001_003);
  });
});
