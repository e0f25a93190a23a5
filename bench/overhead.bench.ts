// What a merge costs above the two commands that it stands for: `docker build` and `docker push` of the same change, in turns.

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { stopLab } from "../test/helpers/lab.ts";
import { type BuildView, Tester } from "../test/helpers/tester.ts";
import { inLab } from "./in-lab.ts";
import { median, percentile } from "./statistics.ts";

// The engine keeps its build cache for the next run, which must not find there what this one has made.
const token = randomUUID();
const rounds = 21;
const warmUps = 3;
// Debian's client has BuildKit in it; others need a plugin for it.
const docker = "/usr/bin/docker";
const run = promisify(execFile);

interface Round {
  /** Milliseconds from the delivery to the end of the build. */
  readonly mergeMs: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly buildMs: number;
  readonly pushMs: number;
}

await inLab("overhead", async () => {
  const ci = await Tester.start();
  try {
    const folder = join(ci.folder, "by-hand");
    await signIn(ci, folder);
    const measured: Round[] = [];
    for (let round = 0; round < warmUps + rounds; round += 1) {
      const ours = await merge(ci, `round ${round} of ${token}, by merge`);
      const theirs = await byHand(ci, folder, `round ${round} of ${token}, by hand`);
      if (round >= warmUps) measured.push({ ...ours, ...theirs });
    }
    print(measured);
  } finally {
    await ci.stop();
    await stopLab();
  }
});

async function merge(ci: Tester, message: string): Promise<Pick<Round, "mergeMs" | "stages">> {
  const { pullRequest, merge } = await ci.mergeQuietly({ message });
  const startedMs = performance.now();
  const { verdict } = await ci.announce({ pullRequest, merge });
  const build = await ci.finished(verdict.build);
  const mergeMs = performance.now() - startedMs;
  if (build.result !== "success") throw new Error(build.log);
  return { mergeMs, stages: stagesOf(build) };
}

function stagesOf({ stages }: BuildView): Record<string, number> {
  return Object.fromEntries(stages.map(({ name, ms }) => [name, ms ?? 0]));
}

async function signIn({ lab }: Tester, folder: string): Promise<void> {
  const auth = Buffer.from(`${lab.account.username}:${lab.account.password}`).toString("base64");
  await mkdir(join(folder, "home"), { recursive: true });
  await writeFile(join(folder, "home/config.json"), JSON.stringify({ auths: { [lab.registry.host]: { auth } } }));
}

async function byHand(ci: Tester, folder: string, message: string): Promise<Pick<Round, "buildMs" | "pushMs">> {
  const context = join(folder, "context");
  await mkdir(context, { recursive: true });
  const files = { "message.txt": `${message}\n` };
  const sha = await ci.repository.commit({ branch: "by-hand", files, message });
  await run("git", ["--git-dir", ci.repository.folder, "--work-tree", context, "checkout", "--force", sha, "--", "."]);
  const env = {
    ...{ PATH: process.env.PATH, DOCKER_HOST: ci.lab.engine.host, DOCKER_BUILDKIT: "1" },
    DOCKER_CONFIG: join(folder, "home"),
  };
  const name = `${ci.lab.registry.host}/by/hand:latest`;
  const buildMs = await timed(() => run(docker, ["build", "--tag", name, context], { env }));
  const pushMs = await timed(() => run(docker, ["push", name], { env }));
  return { buildMs, pushMs };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function print(measured: readonly Round[]): void {
  console.log(`overhead: ${rounds} rounds after ${warmUps}, one changed file, Node ${process.version}; ms`);
  const row = (value: (round: Round) => number) => {
    const values = measured.map(value);
    return { median: Math.round(median(values)), p90: Math.round(percentile(values, 90)) };
  };
  const names = Object.keys(measured[0]?.stages ?? {});
  const git = ({ stages }: Round) => stages.fetch ?? 0;
  const floor = ({ buildMs, pushMs }: Round) => buildMs + pushMs;
  console.table({
    "a merge, from delivery to end": row(({ mergeMs }) => mergeMs),
    ...Object.fromEntries(names.map((name) => [`  stage ${name}`, row(({ stages }) => stages[name] ?? 0)])),
    "docker build": row(({ buildMs }) => buildMs),
    "docker push": row(({ pushMs }) => pushMs),
    "docker build + docker push": row(floor),
    "above that": row((round) => round.mergeMs - floor(round)),
    "above that, without git (aim: below 150)": row((round) => round.mergeMs - git(round) - floor(round)),
  });
}
