// What is remembered of layers: for how long, and what becomes of what cannot be read any more.

import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { createLayerCache } from "../../ci-server/adapters/sbom/layer-cache.ts";
import type { LayerContent } from "../../ci-server/core/sbom/package.ts";

describe("the memory of layers", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "layers-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const content = (problem: string): LayerContent => ({ files: [], removed: [], emptied: [], problems: [problem] });
  const cacheOf = (version = "1", layersMax = 2) => createLayerCache({ folder, version, layersMax });
  const fileOf = (digest: string) => path.join(folder, `${digest.replace(":", "-")}.1.json`);

  it("gives back what was put there, and nothing else", async () => {
    await cacheOf().put("sha256:a", content("a"));
    expect(await cacheOf().get("sha256:a")).to.deep.equal(content("a"));
    expect(await cacheOf().get("sha256:b")).to.equal(null);
  });

  it("forgets what was read in another way", async () => {
    await cacheOf("1").put("sha256:a", content("a"));
    expect(await cacheOf("2").get("sha256:a")).to.equal(null);
  });

  it("keeps the layers that were asked for last", async () => {
    const cache = cacheOf();
    await cache.put("sha256:a", content("a"));
    await cache.put("sha256:b", content("b"));
    for (const [digest, seconds] of [["sha256:a", 1] as const, ["sha256:b", 2] as const])
      utimesSync(fileOf(digest), seconds, seconds);
    await cache.get("sha256:a");
    await cache.put("sha256:c", content("c"));
    expect(readdirSync(folder)).to.have.members(["sha256-a.1.json", "sha256-c.1.json"]);
  });

  it("reads a layer anew when what was kept is broken, and does without a folder that it cannot make", async () => {
    await cacheOf().put("sha256:a", content("a"));
    for (const text of ["{", '{ "files": 1 }']) {
      writeFileSync(fileOf("sha256:a"), text);
      expect(await cacheOf().get("sha256:a")).to.equal(null);
    }
    const nowhere = createLayerCache({ folder: path.join(fileOf("sha256:a"), "x"), version: "1", layersMax: 1 });
    await nowhere.put("sha256:a", content("a"));
    expect(await nowhere.get("sha256:a")).to.equal(null);
  });
});
