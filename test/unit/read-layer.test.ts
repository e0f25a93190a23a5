// Layers as registries send them: packed in several ways, broken, endless, or other ones than were asked for.

import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect } from "chai";
import { readLayer } from "../../ci-server/adapters/sbom/read-layer.ts";
import type { LayerContent } from "../../ci-server/core/sbom/package.ts";
import { type Files, tarOf as tar } from "../helpers/archive.ts";
import { fails } from "../helpers/failure.ts";

const limits = { layerBytesMax: 10_000_000, layerEntriesMax: 100, layerPackagesMax: 50, fileBytesMax: 1_000 };
const never = new AbortController().signal;
const packageJson = "app/node_modules/a/package.json";
const text = '{ "name": "a", "version": "1.0.0" }';

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function read(bytes: Buffer, change: Partial<typeof limits> = {}, size = 1_000): Promise<LayerContent> {
  const layer = { digest: digestOf(bytes), stream: inPieces(bytes, size), signal: never };
  return readLayer({ ...layer, limits: { ...limits, ...change } });
}

function names({ files }: LayerContent): string[] {
  return files.flatMap(({ packages }) => packages.map(({ name }) => name));
}

describe("a layer", () => {
  const ways: [string, (bytes: Buffer) => Buffer][] = [
    ["as it is", (bytes) => bytes],
    ["with gzip", gzipSync],
    [
      "with gzip in several members",
      (bytes) => Buffer.concat([gzipSync(bytes.subarray(0, 700)), gzipSync(bytes.subarray(700))]),
    ],
    ["with zstd", zstdCompressSync],
  ];
  for (const [name, way] of ways) {
    for (const size of [1, 100_000]) {
      it(`packed ${name} is read, in pieces of ${size}`, async () => {
        const files: Files = [
          ["./etc/os-release", "ID=alpine\n"],
          [`./${packageJson}`, text],
          ["other", "x".repeat(5_000)],
          ["/var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\n"],
        ];
        const found = await read(way(await tar(files)), {}, size);
        expect(found.files.map(({ path }) => path)).to.deep.equal([
          "etc/os-release",
          packageJson,
          "var/lib/dpkg/status",
        ]);
        expect(names(found)).to.deep.equal(["a", "x"]);
        expect(found).to.deep.include({ removed: [], emptied: [], problems: [] });
      });
    }
  }

  it("says what it takes away from those below it", async () => {
    const files: Files = [
      ["app/.wh.node_modules", ""],
      [".wh.root-file", ""],
      ["srv/.wh..wh..opq", ""],
      ["app/lib/node_modules", { type: "symlink", linkname: "../x" }],
      ["app/node_modules/b", { type: "symlink", linkname: "../../packages/b" }],
      ["usr/bin/awk", { type: "symlink", linkname: "mawk" }],
    ];
    const found = await read(await tar(files));
    expect(found.removed).to.deep.equal([
      "app/node_modules",
      "root-file",
      "app/lib/node_modules",
      "app/node_modules/b",
    ]);
    expect(found.emptied).to.deep.equal(["srv"]);
  });

  it("gives a hard link what its target has, and says where that is not known", async () => {
    const link = (linkname: string) => ({ type: "link", linkname }) as const;
    const files: Files = [
      [packageJson, text],
      ["srv/node_modules/a/package.json", link(packageJson)],
      ["srv/node_modules/b/package.json", link("store/b")],
    ];
    const found = await read(await tar(files));
    expect(names(found)).to.deep.equal(["a", "a"]);
    expect(found.problems).to.deep.equal([
      "/srv/node_modules/b/package.json: it is a hard link to /store/b, which is not read",
    ]);
  });

  it("is read no further than the limits allow, and says so", async () => {
    const large = await tar([
      [packageJson, text],
      ["zeros", "\0".repeat(2_000_000)],
      ["x/node_modules/b/package.json", text],
    ]);
    for (const [change, words] of [
      [
        { layerBytesMax: 1_000_000 },
        "it has more than 1000000 bytes (limits.sbom_layer_bytes_max); the rest is not read",
      ],
      [
        { layerPackagesMax: 1 },
        "it has more than 1 files of packages (limits.sbom_layer_packages_max); the rest is not read",
      ],
      [{ layerEntriesMax: 1 }, "it has more than 1 files (limits.sbom_layer_entries_max); the rest is not read"],
    ] as const) {
      const bytes = gzipSync(large);
      const found = await read(bytes, change);
      expect(names(found)).to.deep.equal(["a"]);
      expect(found.problems).to.deep.equal([`layer ${digestOf(bytes)}: ${words}`]);
    }
    const found = await read(large, { fileBytesMax: 10 });
    expect(found.problems[0]).to.equal(`/${packageJson}: it has more than 10 bytes (limits.sbom_file_bytes_max)`);
  });

  it("with a header that does not end is not kept in memory", async () => {
    const header = await tar([["x".repeat(300), ""]]);
    // The size of the long name, in the first header's octal field, and its checksum.
    header.write("77777777777", 124, "latin1");
    header.write("        ", 148, "latin1");
    const sum = header.subarray(0, 512).reduce((all, byte) => all + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    const bytes = gzipSync(Buffer.concat([header.subarray(0, 512), Buffer.alloc(50 * 1024 * 1024)]));
    const found = await read(bytes, { layerBytesMax: 1_000_000_000 }, 100_000);
    expect(found.problems[0]).to.contain("Header exceeds max size");
  });

  it("that is broken keeps what could be read, and says so", async () => {
    const whole = gzipSync(
      await tar([
        [packageJson, text],
        ["random", createHash("sha256").update("x").digest("hex").repeat(900)],
      ]),
    );
    for (const bytes of [whole.subarray(0, whole.length - 20), Buffer.from("no archive at all".repeat(100))]) {
      const found = await read(bytes);
      expect(found.problems).to.have.length(1);
      expect(found.problems[0]).to.contain(`layer ${digestOf(bytes)}: it is no archive that can be read`);
    }
    expect(await read(Buffer.from(""))).to.deep.include({ files: [], problems: [] });
  });

  it("with a package file that is not what its name says is read on", async () => {
    const found = await read(
      await tar([
        [packageJson, "{"],
        ["app/node_modules/b/package.json", text],
      ]),
    );
    expect(found.problems).to.deep.equal([`/${packageJson}: it is not JSON`]);
    expect(names(found)).to.deep.equal(["a"]);
  });

  it("that is another one than was asked for is refused, also where it was not read to its end", async () => {
    const bytes = gzipSync(
      await tar([
        [packageJson, text],
        ["b", "x"],
        ["c", "x"],
      ]),
    );
    const asked = { digest: `sha256:${"0".repeat(64)}`, signal: never };
    for (const change of [{}, { layerEntriesMax: 1 }]) {
      const layer = { ...asked, stream: inPieces(bytes, 10), limits: { ...limits, ...change } };
      await fails(readLayer(layer), "conflict", "the registry answers layer sha256:0000");
    }
  });

  it("passes on the registry's trouble, and stops when told to", async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield gzipSync(await tar([[packageJson, text]])).subarray(0, 40);
      throw new Error("the line is dead");
    }
    const layer = { digest: "sha256:0", limits, signal: never };
    const failed = await readLayer({ ...layer, stream: broken() }).catch((error: Error) => error.message);
    expect(failed).to.equal("the line is dead");
    const controller = new AbortController();
    async function* slow(): AsyncGenerator<Buffer> {
      yield gzipSync(await tar([[packageJson, text]])).subarray(0, 40);
      controller.abort(new Error("enough"));
      yield Buffer.from("more");
    }
    const stopped = await readLayer({ ...layer, stream: slow(), signal: controller.signal }).catch(
      (error: Error) => error.message,
    );
    expect(stopped).to.equal("enough");
  });
});
