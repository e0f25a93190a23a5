// The demo's story, part by part: engine, registry, forge, server, a merge, its build, the image pulled back and run.

import { rm } from "node:fs/promises";
import path from "node:path";
import { startEngine } from "../lab/engine.ts";
import { type GitServer, startGitServer } from "../lab/git-server.ts";
import { closedPullRequest } from "../lab/pull-request-delivery.ts";
import { sampleApp } from "../lab/sample-app.ts";
import type { Merge, PullRequest } from "../lab/sample-pull-request.ts";
import { createRepository, type Repository } from "../lab/sample-repository.ts";
import { sendDelivery } from "../lab/send-delivery.ts";
import { type FinishedBuild, followBuild } from "./build-client.ts";
import { connect } from "./find-engine.ts";
import type { Narrator } from "./narrator.ts";
import { pullAndRun } from "./pull-and-run.ts";
import { type DemoRegistry, startDemoRegistry } from "./registry.ts";
import { type DemoServer, startServer } from "./server.ts";

export interface DemoOptions {
  readonly folder: string;
  /** Null: start a private engine; this process is in the demo's namespaces. */
  readonly engineHost: string | null;
  readonly narrator: Narrator;
}

type Closer = () => Promise<unknown>;

/** 0 when the container printed what the merged commit says. Whatever was started is stopped, in any case. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const closers: Closer[] = [];
  const stop = () =>
    closers.splice(0).reduceRight((before, close) => before.then(() => close()).then(ignore), Promise.resolve());
  const interrupt = () => void stop().finally(() => process.exit(130));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    return await tell(options, closers);
  } finally {
    await stop();
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

function ignore(): void {}

async function tell({ folder, engineHost, narrator }: DemoOptions, closers: Closer[]): Promise<number> {
  const run = path.join(folder, "run");
  await rm(run, { recursive: true, force: true });
  closers.push(() => rm(run, { recursive: true, force: true }));
  const host = engineHost ?? (await startPrivateEngine(folder, closers));
  const docker = connect(host);
  const { Version } = await docker.version();
  narrator.say(`engine     Docker ${Version} at ${host}${engineHost === null ? ", private" : ""}`);

  const registry = await startDemoRegistry({
    folder: path.join(run, "registry"),
    docker,
    isPrivate: engineHost === null,
  });
  closers.push(registry.stop);
  narrator.say(`registry   ${registry.apiUrl}, TLS with a CA of its own, from ${registry.what}`);

  const forge = await startForge(path.join(run, "forge"), closers);
  narrator.say(`forge      ${forge.url}, git over HTTP`);
  const server = await startDemoServer(path.join(run, "server"), { host, registry, forge, narrator }, closers);

  const { pullRequest, merge, build } = await mergeAndBuild(forge, server, narrator);
  narrator.say("pulling the image back by its digest, over verified TLS, and running it");
  const [image] = build.images;
  if (image === undefined) throw new Error(`the build ended with ${build.result}: ${build.failure?.message}`);
  const output = await pullAndRun({ docker, registry, reference: image.reference });
  const expected = await forge.repository.read(merge.mergeCommitSha, "message.txt");
  if (output !== `${expected}\n`)
    throw new Error(`the container printed "${output}", but the merged commit says "${expected}"`);
  narrator.say(`the container printed what #${pullRequest.number} says: ${output.trimEnd()}`);
  const { reference, digest } = image;
  const stages = Object.fromEntries(build.stages.map(({ name, ms }) => [name, ms]));
  narrator.end({ reference, digest, stages, output }, tryNext);
  return 0;
}

const tryNext = [
  "npm start                    the server alone; it says what it found and what is missing",
  "cp mergedock.example.yml mergedock.yml   and name your own repository in it",
  "docker-compose up --build    server, PostgreSQL, registry and certificates as containers",
];

async function startPrivateEngine(folder: string, closers: Closer[]): Promise<string> {
  // Outside of run/: images and build cache stay for the next time.
  const engine = await startEngine({ folder: path.join(folder, "engine") });
  closers.push(engine.stop);
  return engine.host;
}

interface Forge {
  readonly url: string;
  readonly git: GitServer;
  readonly repository: Repository;
}

async function startForge(root: string, closers: Closer[]): Promise<Forge> {
  const files = await sampleApp({ message: "hello from the first commit" });
  const repository = await createRepository({ root, name: "acme/shop", files });
  const git = await startGitServer({ root });
  closers.push(git.stop);
  return { url: `${git.url}/acme/shop.git`, git, repository };
}

interface ServerParts {
  readonly host: string;
  readonly registry: DemoRegistry;
  readonly forge: Forge;
  readonly narrator: Narrator;
}

async function startDemoServer(
  folder: string,
  { host, registry, forge, narrator }: ServerParts,
  closers: Closer[],
): Promise<DemoServer> {
  const repository = { name: forge.repository.name, url: forge.url };
  const server = await startServer({
    folder,
    engineHost: host,
    registry,
    repository,
    onLine: (line) => narrator.say(`server     ${line}`),
  });
  closers.push(server.stop);
  return server;
}

interface Built {
  readonly pullRequest: PullRequest;
  readonly merge: Merge;
  readonly build: FinishedBuild;
}

async function mergeAndBuild({ url, repository }: Forge, server: DemoServer, narrator: Narrator): Promise<Built> {
  const message = `hello from a pull request merged at ${new Date().toISOString()}`;
  const commits = [{ files: { "message.txt": `${message}\n` }, message: "Say hello from a pull request" }] as const;
  const pullRequest = await repository.openPullRequest({ branch: "say-hello", commits });
  const merge = await pullRequest.merge("merge");
  narrator.say(
    `merged     #${pullRequest.number} "${pullRequest.title}" into main as ${merge.mergeCommitSha.slice(0, 7)}`,
  );
  const payload = closedPullRequest({ repository, cloneUrl: url, pullRequest, merge });
  const answer = await sendDelivery({
    url: server.webhookUrl,
    secret: server.webhookSecret,
    event: "pull_request",
    payload,
  });
  narrator.say(`delivered  ${answer.status} ${answer.body}`);
  const { build: id } = JSON.parse(answer.body) as { build: number | null };
  if (id === null) throw new Error(`the delivery led to no build: ${answer.body}`);
  return { pullRequest, merge, build: await followBuild(server, id, (line) => narrator.say(`  ${line}`)) };
}
