// What `npm test` runs: prepares the machine, runs Mocha in private namespaces, and checks that nothing is left of it.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, realpath, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { runInNamespace } from "../lab/namespace.ts";
import { fetchNewerEngine } from "../lab/newer-engine.ts";
import { installPackages } from "../lab/packages.ts";
import { cacheFolder, newerEngineSource, root, runFolder, testState } from "./helpers/folders.ts";

const packages = ["git", "iproute2", "docker.io", "docker-registry", "busybox-static", "openssh-server"];
const composePackages = ["docker-compose", "mmdebstrap"];
const suites = ["unit", "contract", "integration", "crash", "compose"].map((folder) => `test/${folder}/**/*.test.ts`);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`npm test: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

async function main(args: readonly string[]): Promise<number> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new Error(
      "the tests make namespaces and run a Docker engine of their own, so they need Linux and root: run `sudo npm test`, or `npm run test:unit` for those that need neither",
    );
  }
  const lock = await lockClone();
  try {
    await rm(runFolder, { recursive: true, force: true });
    await installPackages(packages);
    await prepareNewerEngine();
    if (needsImages(args)) await prepareImages();
    return await runMocha(args);
  } finally {
    await rm(runFolder, { recursive: true, force: true });
    lock.close();
  }
}

/** Where it cannot be had, the suites that need it say that they were skipped; MERGEDOCK_NEWER_ENGINE=required lets the run fail instead. */
async function prepareNewerEngine(): Promise<void> {
  await fetchNewerEngine(newerEngineSource).catch((error: Error) => {
    if (process.env.MERGEDOCK_NEWER_ENGINE === "required") throw error;
    process.stderr.write(`packages: no newer engine, its tests are skipped: ${error.message.split("\n")[0]}\n`);
  });
}

/** The base images of the compose test take a minute to make: only when it is going to run. */
function needsImages(args: readonly string[]): boolean {
  const files = args.filter((arg) => arg.endsWith(".test.ts"));
  return files.length === 0 || files.some((file) => file.includes("compose"));
}

async function prepareImages(): Promise<void> {
  await installPackages(composePackages);
  const images = await import("./compose/prepare-images.ts");
  await images.prepareImages({ folder: join(cacheFolder, "images") });
}

/** An abstract socket, which the kernel removes with the process however that ends. */
async function lockClone(): Promise<Server> {
  const name = createHash("sha256").update(root).digest("hex");
  const lock = createServer().listen(`\0mergedock-test-${name}`);
  await once(lock, "listening").catch(() => {
    throw new Error("another run of the tests is under way in this clone: wait until it has ended");
  });
  return lock;
}

async function runMocha(args: readonly string[]): Promise<number> {
  const named = args.some((arg) => arg.endsWith(".test.ts"));
  const mocha = [join(root, "node_modules/mocha/bin/mocha.js"), "--reporter", "test/reporter.ts"];
  const hooks = ["--require", "test/helpers/leaks.ts", "--timeout", "30000", "--forbid-only"];
  const { exitCode, leftovers } = await runInNamespace({
    root: await realpath(root),
    writable: [testState],
    env: { MERGEDOCK_CRASH_ROUNDS: process.env.MERGEDOCK_CRASH_ROUNDS },
    command: [process.execPath, ...mocha, ...hooks, ...args, ...(named ? [] : suites)],
  });
  const stray = (await readdir(join(root, testState))).filter((name) => !["cache", "run"].includes(name));
  const left = [...leftovers, ...stray.map((name) => `file or folder ${testState}/${name}`)];
  for (const line of left) console.error(`left behind: ${line}`);
  return exitCode === 0 && left.length > 0 ? 1 : exitCode;
}
