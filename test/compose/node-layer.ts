// The layer that makes Debian a Node image: Node, npm, and npm's cache with every package of the lock file.

import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../helpers/folders.ts";
import { type Layer, packLayer, readFromRoot, run, runQuietly } from "./layer.ts";

const npmPackage = "npm@11";
const lockFiles = ["package.json", "package-lock.json"];

/** Node and npm, and npm's cache with every package of the lock file, so that `npm ci` in a build needs no network. */
export const nodeLayer: Layer = {
  name: "node",
  inputs: async () => [
    await readFile(import.meta.filename, "utf8"),
    process.version,
    npmPackage,
    await npmRegistry(),
    ...(await Promise.all(lockFiles.map(readFromRoot))),
  ],
  async make({ work, file }) {
    const bin = join(work, "rootfs/usr/local/bin");
    const modules = join(work, "rootfs/usr/local/lib/node_modules");
    const project = join(work, "project");
    await Promise.all([bin, modules, project].map((folder) => mkdir(folder, { recursive: true })));
    await cp(process.execPath, join(bin, "node"));
    const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    await runQuietly("npm", ["install", "--prefix", join(work, "npm"), ...quiet, npmPackage]);
    await cp(join(work, "npm/node_modules/npm"), join(modules, "npm"), { recursive: true });
    await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(bin, "npm"));
    for (const name of lockFiles) await cp(join(root, name), join(project, name));
    const npm = join(modules, "npm/bin/npm-cli.js");
    const cache = join(work, "rootfs/opt/npm-cache");
    // All of them: the stage that builds the dashboard needs the development packages.
    const install = ["ci", ...quiet, "--prefix", project, "--cache", cache];
    await runQuietly(process.execPath, [npm, ...install]);
    await packLayer(join(work, "rootfs"), file);
  },
};

/** The cache's keys are addresses of this registry: `npm ci` in the build has to be told the same. */
export async function npmRegistry(): Promise<string> {
  return (await run("npm", ["config", "get", "registry"], { cwd: root })).stdout.trim();
}
