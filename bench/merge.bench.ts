// From the delivery of a merge to its tag in the registry, beside what people script for it: a clone, a build and a push, in turns on
// the same engine and the same registry.

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { simpleGit } from "simple-git";
import { pack } from "tar-fs";
import { sampleApp } from "../lab/sample-app.ts";
import type { Files } from "../lab/sample-commit.ts";
import { stopLab } from "../test/helpers/lab.ts";
import { Tester } from "../test/helpers/tester.ts";
import { inLab } from "./in-lab.ts";
import { median, round } from "./statistics.ts";

const rounds = Number(process.env.MERGEDOCK_BENCH_ROUNDS ?? 7);
const megabytes = Number(process.env.MERGEDOCK_BENCH_MB ?? 25);
const filesInAll = 2_000;
// The engine keeps its build cache for the next run, which must not find there what this one has made.
const token = randomUUID();
// Debian's client has BuildKit in it; others need a plugin for it.
const docker = "/usr/bin/docker";
const run = promisify(execFile);

const dockerfile = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
WORKDIR /app
COPY package.json .
RUN mkdir deps && for i in $(seq 1 1000); do sha256sum package.json > deps/$i; done
COPY . .
CMD ["cat", "/app/src/0/0.txt"]
`;

interface Case {
  readonly name: string;
  readonly change: (mark: string) => Files;
}

const cases: readonly Case[] = [
  { name: "1 file of the sources", change: (mark) => sources(1, mark) },
  { name: "10 files", change: (mark) => sources(10, mark) },
  { name: "1,000 files", change: (mark) => sources(1_000, mark) },
  { name: "the dependencies", change: (mark) => ({ "package.json": `{ "mark": "${mark}" }\n` }) },
];

/** Makes the change on a branch of its own, and returns how long it took from then on until its tag was in the registry. */
type Contender = (bench: Bench, files: Files, mark: string) => Promise<number>;

interface Bench {
  readonly ci: Tester;
  readonly folder: string;
}

const contenders: Readonly<Record<string, Contender>> = {
  Mergedock: async ({ ci }, files, message) => {
    const merged = await ci.mergeQuietly({ files, message });
    return timed(async () => {
      const build = await ci.finished((await ci.announce(merged)).verdict.build);
      if (build.result !== "success") throw new Error(build.log);
    });
  },
  "shell: git clone --depth 1, docker build (BuildKit), docker push": (bench, files, mark) =>
    byShell(bench, { files, mark, branch: "by-buildkit", buildKit: "1" }),
  "the same with the classic builder": (bench, files, mark) =>
    byShell(bench, { files, mark, branch: "by-classic", buildKit: "0" }),
  "Node: simple-git clone, dockerode buildImage, push": byNode,
};

await inLab("merge", async () => {
  const ci = await Tester.start();
  try {
    const bench = { ci, folder: join(ci.folder, "by-hand") };
    await signIn(bench);
    const all = { ...(await sampleApp({ message: "" })), Dockerfile: dockerfile, ...sources(filesInAll, "first") };
    await ci.repository.commit({ files: { ...all, "package.json": `{ "mark": "${token}" }\n` }, message: "An app" });
    const measured = new Map<string, number[]>();
    for (let turn = -1; turn < rounds; turn += 1)
      for (const { name, change } of cases)
        for (const [contender, work] of Object.entries(contenders)) {
          const mark = `${token} ${turn} ${name} ${contender}`;
          const ms = await work(bench, change(mark), mark);
          const key = `${name}: ${contender}`;
          if (turn >= 0) measured.set(key, [...(measured.get(key) ?? []), ms]);
        }
    print(measured);
  } finally {
    await ci.stop();
    await stopLab();
  }
});

/** Together about so many megabytes, which do not compress to nothing. */
function sources(count: number, mark: string): Files {
  const bytes = Math.ceil((megabytes * 1024 * 1024) / filesInAll);
  return Object.fromEntries(
    Array.from({ length: count }, (_none, index) => {
      const line = Buffer.from(`${mark} ${index}`).toString("base64url");
      const numbers = Array.from(
        { length: Math.ceil(bytes / (line.length + 12)) },
        (_each, at) => `${line} ${at * index}`,
      );
      return [`src/${index % 100}/${index}.txt`, numbers.join("\n")];
    }),
  );
}

async function byShell(
  { ci, folder }: Bench,
  { files, mark, branch, buildKit }: { files: Files; mark: string; branch: string; buildKit: string },
): Promise<number> {
  await ci.repository.commit({ branch, files, message: mark });
  const env = {
    ...{ PATH: process.env.PATH, DOCKER_HOST: ci.lab.engine.host, DOCKER_BUILDKIT: buildKit },
    DOCKER_CONFIG: join(folder, "home"),
  };
  const name = `${ci.lab.registry.host}/by/${branch}:latest`;
  const work = await mkdtemp(join(folder, "clone-"));
  const ms = await timed(async () => {
    await run("git", ["clone", "--quiet", "--depth", "1", "--branch", branch, ci.cloneUrl, work]);
    await run(docker, ["build", "--quiet", "--tag", name, work], { env });
    await run(docker, ["push", "--quiet", name], { env });
  });
  await rm(work, { recursive: true });
  return ms;
}

async function byNode({ ci, folder }: Bench, files: Files, mark: string): Promise<number> {
  await ci.repository.commit({ branch: "by-node", files, message: mark });
  const { docker: engine, registry, account } = ci.lab;
  const name = `${registry.host}/by/node:latest`;
  const work = await mkdtemp(join(folder, "clone-"));
  const ms = await timed(async () => {
    await simpleGit().clone(ci.cloneUrl, work, ["--branch", "by-node"]);
    const context = Readable.from(pack(work, { ignore: (file) => file === join(work, ".git") }));
    await ended(engine, await engine.buildImage(context, { t: name }));
    const { username, password } = account;
    const authconfig = { username, password, serveraddress: registry.host };
    // Its type is that of its form with a callback too.
    const pushing = (await engine.getImage(name).push({ authconfig })) as NodeJS.ReadableStream;
    await ended(engine, pushing);
  });
  await rm(work, { recursive: true });
  return ms;
}

function ended(engine: Tester["lab"]["docker"], stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.modem.followProgress(stream, (error, output) => {
      const failed = output?.find((one) => one.error !== undefined);
      if (error === null && failed === undefined) resolve();
      else reject(error ?? new Error(failed?.error));
    });
  });
}

async function signIn({ ci: { lab }, folder }: Bench): Promise<void> {
  const auth = Buffer.from(`${lab.account.username}:${lab.account.password}`).toString("base64");
  await mkdir(join(folder, "home"), { recursive: true });
  await writeFile(join(folder, "home/config.json"), JSON.stringify({ auths: { [lab.registry.host]: { auth } } }));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function print(measured: ReadonlyMap<string, readonly number[]>): void {
  console.log(
    `merge: ${filesInAll} files of ${megabytes} MB, medians of ${rounds} after 1, Node ${process.version}; ms, and how many times Mergedock's`,
  );
  for (const { name } of cases) {
    const ours = median(measured.get(`${name}: Mergedock`) ?? []);
    const rows = Object.keys(contenders).map((contender) => {
      const ms = median(measured.get(`${name}: ${contender}`) ?? []);
      return [contender, { ms: Math.round(ms), ratio: round(ms / ours) }] as const;
    });
    console.log(name);
    console.table(Object.fromEntries(rows));
  }
}
