// CVE-2024-24557: an image that a stranger has brought to the engine, and that looks like the first step of a Dockerfile, is
// taken for it by Docker's classic builder.

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import type Docker from "dockerode";
import { tarOf } from "../helpers/archive.ts";
import { BuilderBench } from "../helpers/builder-bench.ts";
import { useLab } from "../helpers/lab.ts";

const files = { Dockerfile: "FROM scratch\nCOPY message.txt /message.txt\n", "message.txt": "genuine\n" };
const classicTag = "classic:latest";
const strangerTag = "stranger:latest";

describe("an engine whose images are poisoned", function () {
  this.timeout(60_000);
  const bench = new BuilderBench();
  let docker: Docker;
  before(async () => {
    bench.lab = await useLab();
    docker = bench.lab.docker;
  });
  beforeEach(() => bench.begin());
  afterEach(async () => {
    for (const tag of [classicTag, strangerTag]) await docker.getImage(tag).remove({ force: true });
    await bench.end();
  });

  /** By the builder that the engine had before BuildKit. */
  async function buildClassically(): Promise<Docker.ImageInspectInfo> {
    const context = Readable.from([await tarOf(Object.entries(files))]);
    await text(await docker.buildImage(context, { t: classicTag, forcerm: true }));
    return docker.getImage(classicTag).inspect();
  }

  /** The same configuration, another content. */
  async function poison({ Architecture, Os, Config, ContainerConfig }: Docker.ImageInspectInfo): Promise<string> {
    const layer = await tarOf([["message.txt", "poisoned\n"]]);
    const created = "2026-01-01T00:00:00Z";
    const config = JSON.stringify({
      ...{ architecture: Architecture, os: Os, created, config: Config, container_config: ContainerConfig },
      rootfs: { type: "layers", diff_ids: [`sha256:${createHash("sha256").update(layer).digest("hex")}`] },
      history: [{ created, created_by: ContainerConfig?.Cmd?.join(" ") }],
    });
    const manifest = JSON.stringify([{ Config: "config.json", RepoTags: [strangerTag], Layers: ["layer.tar"] }]);
    const image = await tarOf([
      ["config.json", config],
      ["layer.tar", layer],
      ["manifest.json", manifest],
    ]);
    await text(await docker.loadImage(Readable.from([image])));
    return (await docker.getImage(strangerTag).inspect()).Id;
  }

  async function messageOf(image: string): Promise<string> {
    const container = await docker.createContainer({ Image: image, Cmd: ["none"] });
    try {
      return await text(await container.getArchive({ path: "/message.txt" }));
    } finally {
      await container.remove();
    }
  }

  it("T22: builds from its own files, where the classic builder takes a stranger's image for its first step", async () => {
    const own = await buildClassically();
    await docker.getImage(classicTag).remove();
    const poisoned = await poison(own);
    const { Version } = await docker.version();
    // Later ones have mended it: 24.0.9 and 25.0.2 on.
    if (Version.startsWith("20.")) expect((await buildClassically()).Id).to.equal(poisoned);
    else await buildClassically();
    await bench.put(files);
    const { imageId } = await bench.build();
    expect(imageId).to.not.equal(poisoned);
    expect(await messageOf(imageId))
      .to.contain("genuine")
      .and.not.contain("poisoned");
  });
});
