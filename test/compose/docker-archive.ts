// Images without an engine: layers and configurations in the format of `docker save`, with the same ids every time.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { pack } from "tar-fs";

export type Image = {
  readonly tag: string;
  /** SHA-256 of each layer, the lowest first; `<folder>/<digest>.tar` holds it. */
  readonly layers: readonly string[];
  /** As in the image configuration: Env, Cmd, Entrypoint, Volumes. */
  readonly config: Readonly<Record<string, unknown>>;
};

type ManifestItem = {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
};

/** Source: Docker Image Specification 1.2, "Combined Image JSON + Filesystem Changeset Format". */
export async function writeArchive({ folder, images }: { folder: string; images: readonly Image[] }): Promise<void> {
  const manifest: ManifestItem[] = [];
  for (const { tag, layers, config } of images) {
    const rootfs = { type: "layers", diff_ids: layers.map((layer) => `sha256:${layer}`) };
    const architecture = arch() === "x64" ? "amd64" : arch();
    const json = JSON.stringify({ architecture, os: "linux", created: "1970-01-01T00:00:00Z", config, rootfs });
    const name = `${createHash("sha256").update(json).digest("hex")}.json`;
    await writeFile(join(folder, name), json);
    manifest.push({ Config: name, RepoTags: [tag], Layers: layers.map((layer) => `${layer}.tar`) });
  }
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
}

/** Loads what the engine does not have yet, under its tags. */
export async function loadArchive({ docker, folder }: { docker: Docker; folder: string }): Promise<void> {
  // Written by writeArchive above.
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as readonly ManifestItem[];
  const isThere = await Promise.all(manifest.map((item) => hasImage(docker, item)));
  if (isThere.every(Boolean)) return;
  const entries = ["manifest.json", ...manifest.flatMap(({ Config, Layers }) => [Config, ...Layers])];
  const archive = Readable.from(pack(folder, { entries: [...new Set(entries)] }));
  // The type of loadImage mixes up its two forms; without a callback it gives the engine's answer.
  const answer: unknown = await docker.loadImage(archive);
  const output = await text(answer as NodeJS.ReadableStream);
  if (output.includes('"errorDetail"')) throw new Error(`the engine did not load the base images: ${output}`);
}

async function hasImage(docker: Docker, { Config, RepoTags }: ManifestItem): Promise<boolean> {
  const found = await Promise.all(
    RepoTags.map((tag) =>
      docker
        .getImage(tag)
        .inspect()
        .catch(() => undefined),
    ),
  );
  return found.every((image) => image?.Id === `sha256:${Config.replace(/\.json$/, "")}`);
}
