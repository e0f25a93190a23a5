// What `npm test` runs: prepares the machine, runs Mocha in private namespaces, and checks that nothing is left of it.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { globSync } from "node:fs";
import { mkdir, open, readdir, readFile, realpath, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { runInNamespace } from "../lab/namespace.ts";
import { fetchNewerEngine } from "../lab/newer-engine.ts";
import { installPackages } from "../lab/packages.ts";
import { cacheFolder, newerEngineSource, root, testState } from "./helpers/folders.ts";
import { type Counts, toLine } from "./reporter.ts";

const packages = [
  "git",
  "iproute2",
  "docker.io",
  "docker-registry",
  "busybox-static",
  "openssh-server",
  "chromium",
  "zsh",
  "fish",
];
const countsFile = "counts.json";
const composePackages = ["docker-compose", "mmdebstrap"];
// Two lanes, each in namespaces and with an engine of its own, because one alone leaves the processors idle for half of its
// time. The suites are shared out so that both take about as long.
const lanes = [
  ["unit/**/*", "contract/**/*", "compose/**/*", "browser/**/*", "integration/[n-z]*"],
  ["integration/[a-m]*", "integration/lab/**/*", "crash/**/*"],
].map((globs) => globs.map((glob) => `test/${glob}.test.ts`));

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
    await removeRunFolders();
    await installPackages(packages);
    await prepareNewerEngine();
    if (needsImages(args)) await prepareImages();
    return await runLanes(args);
  } finally {
    await removeRunFolders();
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

/** Files that were named run in one lane. */
async function runLanes(args: readonly string[]): Promise<number> {
  const isNamed = args.some((arg) => arg.endsWith(".test.ts"));
  if (!isNamed) checkLanes();
  const runs = isNamed ? [[]] : lanes;
  const ended = await Promise.all(runs.map((files, index) => runMocha([...args, ...files], String(index + 1))));
  const left = [...ended.flatMap(({ leftovers }) => leftovers), ...(await strayFiles())];
  for (const line of left) console.error(`left behind: ${line}`);
  const total = (field: keyof Counts) => ended.reduce((sum, { counts }) => sum + counts[field], 0);
  console.log(toLine({ passed: total("passed"), failed: total("failed"), skipped: total("skipped") }));
  const isGood = left.length === 0 && ended.every(({ exitCode }) => exitCode === 0);
  return isGood ? 0 : Math.max(1, ...ended.map(({ exitCode }) => exitCode));
}

/** Where the browser's tests put their pictures when that is asked for. */
async function pictureFolder(): Promise<string[]> {
  if (process.env.MERGEDOCK_SCREENSHOTS !== "1") return [];
  await mkdir(join(root, "docs/screenshots"), { recursive: true });
  return ["docs/screenshots"];
}

/** A file that no lane runs would pass for ever. */
function checkLanes(): void {
  const runs = lanes.flatMap((globs) => globSync(globs, { cwd: root }));
  const wrong = globSync("test/**/*.test.ts", { cwd: root }).filter(
    (file) => runs.filter((one) => one === file).length !== 1,
  );
  if (wrong.length > 0)
    throw new Error(`each test belongs to one lane of test/run.ts; these do not: ${wrong.join(", ")}`);
}

interface Lane {
  readonly exitCode: number;
  readonly counts: Counts;
  readonly leftovers: readonly string[];
}

/** The first lane is seen as it runs, of another one everything once it has ended. */
async function runMocha(args: readonly string[], lane: string): Promise<Lane> {
  const folder = join(root, testState, `run${lane}`);
  await mkdir(folder, { recursive: true });
  const output = lane === "1" ? null : await open(join(folder, "output.log"), "w+");
  const mocha = [join(root, "node_modules/mocha/bin/mocha.js"), "--reporter", "test/reporter.ts"];
  const hooks = ["--require", "test/helpers/leaks.ts", "--timeout", "30000", "--forbid-only"];
  const { exitCode, leftovers } = await runInNamespace({
    root: await realpath(root),
    writable: [testState, ...(await pictureFolder())],
    env: {
      MERGEDOCK_CRASH_ROUNDS: process.env.MERGEDOCK_CRASH_ROUNDS,
      MERGEDOCK_SCREENSHOTS: process.env.MERGEDOCK_SCREENSHOTS,
      MERGEDOCK_TEST_LANE: lane,
      MERGEDOCK_TEST_COUNTS: join(folder, countsFile),
    },
    command: [process.execPath, ...mocha, ...hooks, ...args],
    ...(output && { output: output.fd }),
  });
  if (output !== null) process.stdout.write(await readFile(join(folder, "output.log")));
  await output?.close();
  return { exitCode, counts: await readCounts(join(folder, countsFile)), leftovers };
}

/** A run that broke down before its end has no counts: that is one failure. */
async function readCounts(file: string): Promise<Counts> {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text !== null) return JSON.parse(text) as Counts; // reporter.ts writes it
  console.error("the tests ended without a report");
  return { passed: 0, failed: 1, skipped: 0 };
}

async function strayFiles(): Promise<string[]> {
  const expected = ["cache", ...lanes.map((_suites, index) => `run${index + 1}`)];
  const stray = (await readdir(join(root, testState))).filter((name) => !expected.includes(name));
  return stray.map((name) => `file or folder ${testState}/${name}`);
}

async function removeRunFolders(): Promise<void> {
  for (const name of await readdir(join(root, testState)).catch(() => []))
    if (name !== "cache") await rm(join(root, testState, name), { recursive: true, force: true });
}
