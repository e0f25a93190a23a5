// Makes the base images of docker-compose.yml from this machine's own packages, before the tests leave the network behind.

import { createHash } from "node:crypto";
import { createReadStream, writeFileSync } from "node:fs";
import { access, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { baseLayer } from "./base-layer.ts";
import { type Image, writeArchive } from "./docker-archive.ts";
import type { Layer } from "./layer.ts";
import { nodeLayer, npmRegistry } from "./node-layer.ts";
import { postgresLayer, registryLayer } from "./service-layers.ts";

type Made = { readonly key: string; readonly digest: string };
type Index = Record<string, Made | undefined>;

/** `folder` keeps the layers for the next run; those whose inputs have changed are made anew. See README.md. */
export async function prepareImages({ folder }: { readonly folder: string }): Promise<void> {
  await mkdir(folder, { recursive: true });
  const index = await readIndex(folder);
  const layers = [baseLayer, nodeLayer, postgresLayer, registryLayer];
  const [base, node, postgres, registry] = await Promise.all(layers.map((layer) => digestOf(layer, { folder, index })));
  if (!base || !node || !postgres || !registry) throw new Error("a layer has no digest");
  const images = [
    { tag: "node:24-bookworm-slim", layers: [base, node], config: nodeConfig(await npmRegistry()) },
    { tag: "postgres:18-bookworm", layers: [base, postgres], config: postgresConfig },
    { tag: "registry:2", layers: [base, registry], config: registryConfig },
  ];
  await removeOthers(folder, [base, node, postgres, registry]);
  await writeArchive({ folder, images });
}

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function nodeConfig(registry: string): Image["config"] {
  const npm = { offline: true, cache: "/opt/npm-cache", registry, update_notifier: false };
  return { Env: [path, ...Object.entries(npm).map(([name, value]) => `npm_config_${name}=${value}`)], Cmd: ["node"] };
}

const postgresConfig: Image["config"] = {
  Env: [path, "PGDATA=/var/lib/postgresql/18/docker"],
  Entrypoint: ["docker-entrypoint.sh"],
  Cmd: ["postgres", "-c", "listen_addresses=*"],
  Volumes: { "/var/lib/postgresql": {} },
  StopSignal: "SIGINT",
};

const registryConfig: Image["config"] = {
  Env: [path],
  Entrypoint: ["registry", "serve"],
  Cmd: ["/etc/docker/registry/config.yml"],
  Volumes: { "/var/lib/registry": {} },
};

async function digestOf(layer: Layer, { folder, index }: { folder: string; index: Index }): Promise<string> {
  const key = hash(JSON.stringify(await layer.inputs()));
  const made = index[layer.name];
  if (made?.key === key && (await exists(join(folder, `${made.digest}.tar`)))) return made.digest;
  process.stderr.write(`images: making the ${layer.name} layer of the compose test\n`);
  const work = join(folder, `${layer.name}.new`);
  await rm(work, { recursive: true, force: true });
  await mkdir(join(work, "work"), { recursive: true });
  const file = join(work, "layer.tar");
  await layer.make({ work: join(work, "work"), file });
  const digest = await hashFile(file);
  await rename(file, join(folder, `${digest}.tar`));
  await rm(work, { recursive: true });
  index[layer.name] = { key, digest };
  // In one go, because the layers are made side by side and each keeps what it has as soon as it can.
  writeFileSync(join(folder, "index.json"), JSON.stringify(index));
  return digest;
}

async function readIndex(folder: string): Promise<Index> {
  // Written above; anything else than JSON is as good as nothing.
  return readFile(join(folder, "index.json"), "utf8")
    .then((text) => JSON.parse(text) as Index)
    .catch(() => ({}));
}

async function removeOthers(folder: string, digests: readonly string[]): Promise<void> {
  const kept = ["index.json", ...digests.map((digest) => `${digest}.tar`)];
  const others = (await readdir(folder)).filter((name) => !kept.includes(name));
  for (const name of others) await rm(join(folder, name), { recursive: true });
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function hashFile(file: string): Promise<string> {
  const sum = createHash("sha256");
  await pipeline(createReadStream(file), sum);
  return sum.digest("hex");
}
