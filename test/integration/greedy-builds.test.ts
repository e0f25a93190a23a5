// Builds that take all that they can get: they end with the word for it, and the server answers others meanwhile.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import { createRepository } from "../../lab/sample-repository.ts";
import { sendDelivery } from "../../lab/send-delivery.ts";
import { withGroupLimits } from "../helpers/engine-cgroup.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { type ServerProcess, startServer } from "../helpers/server-process.ts";
import { adminToken, type BuildView, labEnvironment, webhookSecret } from "../helpers/tester.ts";

/** As docs/engine.md has it of an engine for builds alone. */
const group = { processes: 150, memoryBytes: 1024 * 1024 ** 2, processors: 1 };
const limits = { build_silence_seconds_max: 4, build_seconds_max: 60 };
const scripts = { bomb: "bomb() { bomb | bomb; }; bomb", idle: "echo it idles; exec sleep inf" };

describe("builds that take all that they can get", function () {
  this.timeout(120_000);
  let lab: Lab;
  let folder: string;
  let git: GitServer;
  let server: ServerProcess;
  let urls: { readonly api: string; readonly webhooks: string };
  before(async () => {
    lab = await useLab();
    folder = await mkdtemp(join(tmpdir(), "greedy-"));
    const { Dockerfile, ...files } = await sampleApp({ message: "x" });
    for (const [name, script] of Object.entries(scripts)) {
      const greedy = `${Dockerfile}RUN echo ${randomUUID()}; ${script}\n`;
      await createRepository({ root: folder, name: `acme/${name}`, files: { ...files, Dockerfile: greedy } });
    }
    git = await startGitServer({ root: folder });
    const repositories = Object.keys(scripts).map((name) => ({
      name: `acme/${name}`,
      url: `${git.url}/acme/${name}.git`,
    }));
    await writeFile(join(folder, "mergedock.yml"), JSON.stringify({ repositories, limits }));
    server = startServer(folder, labEnvironment(lab, folder));
    const report = await server.ready();
    const url = (name: string) => new RegExp(`^${name} +(\\S+)`, "m").exec(report)?.[1] ?? "";
    urls = { api: url("api"), webhooks: url("webhooks") };
  });
  after(async () => {
    await server?.stop();
    await git?.stop();
    await removeImages(lab);
    await rm(folder, { recursive: true, force: true });
  });

  function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
    return fetch(`${urls.api}${path}`, { ...init, headers });
  }

  async function begin(name: keyof typeof scripts): Promise<number> {
    const body = JSON.stringify({ service: name, version: randomUUID(), type: "docker", ref: "main" });
    return ((await (await ask("/images", { method: "POST", body })).json()) as { build: number }).build;
  }

  /** Reads its log to the end, or until a line ends with these words. */
  async function read(id: number, words?: string): Promise<void> {
    let text = "";
    for await (const chunk of (await ask(`/builds/${id}/log?follow=true`)).body ?? []) {
      text += Buffer.from(chunk).toString("utf8");
      if (words !== undefined && text.includes(`${words}\n`)) return;
    }
  }

  async function ended(id: number): Promise<BuildView> {
    await read(id);
    return (await ask(`/builds/${id}`)).json() as Promise<BuildView>;
  }

  /** How long a signed delivery takes, and what is answered. */
  async function ping(): Promise<{ readonly status: number; readonly ms: number }> {
    const startedMs = performance.now();
    const delivery = { url: urls.webhooks, secret: webhookSecret, event: "ping", payload: { zen: "x", hook_id: 1 } };
    const { status } = await sendDelivery(delivery);
    return { status, ms: performance.now() - startedMs };
  }

  it("T21: end a fork bomb as failure: limit and sleep inf as timeout, and deliveries are answered meanwhile", async function () {
    const answers: { readonly status: number; readonly ms: number }[] = [];
    let isOver = false;
    const work = withGroupLimits(group, async () => {
      const idle = await begin("idle");
      // The group is that of all builds: beside the bomb no step can begin.
      await read(idle, "it idles");
      return Promise.all([ended(await begin("bomb")), ended(idle)]);
    }).finally(() => {
      isOver = true;
    });
    while (!isOver || answers.length < 300) answers.push(await ping());
    const [bomb, idle] = await work;
    expect(bomb, JSON.stringify(bomb.failure)).to.deep.include({ result: "failure" });
    expect(bomb.failure).to.include({ kind: "limit" });
    expect(bomb.failure?.hint, JSON.stringify(bomb.failure)).to.contain("pids.max");
    expect(idle, JSON.stringify(idle.failure)).to.include({ result: "timeout" });
    expect(idle.failure?.hint).to.contain("build_silence_seconds_max");
    expect(answers.filter(({ status }) => status !== 200)).to.deep.equal([]);
    // The machine may have other things to do for a moment.
    const slow = answers.filter(({ ms }) => ms >= 100);
    expect(slow.length).to.be.lessThan(answers.length / 20);
    const sorted = answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
    if (this.test) this.test.title += ` (${answers.length} of them, p99 ${p99.toFixed(1)} ms)`;
  });
});
