// Mocha's root hooks that hold the tests to their promise to leave nothing behind.

import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { RootHookObject } from "mocha";
import { engineObjects } from "./engine-objects.ts";
import { startedLabs, stopLab } from "./lab.ts";
import { listeners, newcomers, type Process, processes } from "./processes.ts";

type Trace = { readonly processes: readonly Process[]; readonly things: readonly string[] };

const settleMs = 2_000;
const stopMs = 30_000;
const endMs = 2_000;
const socketKinds = ["TCPSocketWrap", "TCPServerWrap", "TLSWrap", "PipeWrap", "PipeServerWrap", "UDPWrap"];
/** What was left, and by whom. */
const leaks = new Map<string, string>();
let socketsBeforeRun: readonly string[];
let beforeRun: Trace;
let beforeTest: Trace;

/**
 * What a suite's `before` started (the lab too) is there before and after each test, so no test is blamed for it; at the
 * end of the run it has to be gone as well. A leak is noted where it happens and fails the run in the last hook, because
 * a failing afterEach at the root would keep all further tests from running.
 */
export const mochaHooks: RootHookObject = {
  async beforeAll() {
    socketsBeforeRun = openSockets();
    beforeRun = await trace();
  },
  async beforeEach() {
    beforeTest = await trace();
  },
  async afterEach(this: Mocha.Context) {
    this.timeout(2 * settleMs);
    note(await settled(() => newSince(beforeTest)), `"${this.currentTest?.fullTitle()}"`);
  },
  async afterAll(this: Mocha.Context) {
    this.timeout(stopMs + 2 * settleMs);
    note(await newInEngine(), "a suite's hooks");
    await stopLab();
    note(await settled(async () => [...(await newSince(beforeRun)), ...newSockets()]), "a suite's hooks");
    const lines = [...leaks].map(([leak, culprit]) => `${leak}, by ${culprit}`);
    if (lines.length > 0) throw new Error(`left behind:\n  ${lines.join("\n  ")}`);
  },
};

/** A timer or another handle that nobody closed would keep Node alive for ever: it fails the run instead. */
export function mochaGlobalTeardown(): void {
  const watchdog = setTimeout(() => {
    console.error(`still open ${endMs} ms after the last test: ${process.getActiveResourcesInfo().join(", ")}`);
    // Mocha's own listener for "exit" sets the code too; the last one wins.
    process.on("exit", () => {
      process.exitCode = 1;
    });
    process.exit();
  }, endMs);
  watchdog.unref();
}

function note(found: readonly string[], culprit: string): void {
  for (const leak of found) if (!leaks.has(leak)) leaks.set(leak, culprit);
}

async function trace(): Promise<Trace> {
  const temporary = (await readdir(tmpdir())).map((name) => `the file or folder ${tmpdir()}/${name}`);
  const inEngine = (await Promise.all((await startedLabs()).map((lab) => engineObjects(lab.docker)))).flat();
  return { processes: await processes(), things: [...temporary, ...(await listeners()), ...inEngine] };
}

async function newSince(before: Trace): Promise<string[]> {
  const now = await trace();
  return [
    ...newcomers(now.processes, before.processes).map(({ pid, command }) => `process ${pid} ${command}`),
    ...now.things.filter((thing) => !before.things.includes(thing)),
  ];
}

async function newInEngine(): Promise<string[]> {
  const found = (await startedLabs()).map(async ({ docker, objectsAtStart }) =>
    (await engineObjects(docker)).filter((thing) => !objectsAtStart.includes(thing)),
  );
  return (await Promise.all(found)).flat();
}

/** Only what keeps Node alive: a client's idle connection that is kept for later use is none. */
function openSockets(): string[] {
  // These two are opened when they are first looked at.
  void process.stdout;
  void process.stderr;
  return process.getActiveResourcesInfo().filter((kind) => socketKinds.includes(kind));
}

function newSockets(): string[] {
  const rest = [...socketsBeforeRun];
  return openSockets().filter((kind) => {
    const index = rest.indexOf(kind);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}

/** What is being closed takes a moment to be gone. */
async function settled(look: () => Promise<string[]>): Promise<string[]> {
  const deadline = performance.now() + settleMs;
  let found = await look();
  while (found.length > 0 && performance.now() < deadline) {
    await delay(20);
    found = await look();
  }
  return found;
}
