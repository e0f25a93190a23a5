// Servers that are killed or stopped in the middle of a build: nothing is lost, nothing is left, nothing goes on for ever.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import type { Files } from "../../lab/sample-commit.ts";
import { createRepository, type Repository } from "../../lab/sample-repository.ts";
import { sendDelivery } from "../../lab/send-delivery.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { readInPieces } from "../helpers/read-in-pieces.ts";
import { type ServerProcess, startServer } from "../helpers/server-process.ts";
import { adminToken, type BuildView, labEnvironment, webhookSecret } from "../helpers/tester.ts";

describe("a server that goes down in the middle of a build", function () {
  this.timeout(120_000);
  let lab: Lab;
  let folder: string;
  let git: GitServer;
  let repository: Repository;
  let server: ServerProcess;
  let apiUrl: string;
  let webhookUrl: string;
  let pulls = 0;
  before(async () => {
    lab = await useLab();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "crash-"));
    repository = await createRepository({
      root: folder,
      name: "acme/shop",
      files: await sampleApp({ message: "first" }),
    });
    git = await startGitServer({ root: folder });
    const repositories = [{ name: "acme/shop", url: `${git.url}/acme/shop.git` }];
    const limits = { drain_seconds_max: 1, broken_attempts_max: 2 };
    await writeFile(join(folder, "mergedock.yml"), JSON.stringify({ repositories, limits }));
    await start();
  });
  afterEach(async () => {
    await server.stop();
    await git.stop();
    await removeImages(lab);
    await rm(folder, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    server = startServer(folder, labEnvironment(lab, folder));
    const report = await server.ready();
    apiUrl = /^api +(\S+)/m.exec(report)?.[1] ?? "";
    webhookUrl = /^webhooks +(\S+)/m.exec(report)?.[1] ?? "";
  }

  async function merge(files: Files): Promise<number> {
    const number = ++pulls;
    const pullRequest = await repository.openPullRequest({
      number,
      branch: `b${number}`,
      commits: [{ files, message: `change ${number}` }],
    });
    const payload = closedPullRequest({
      repository,
      cloneUrl: "unused",
      pullRequest,
      merge: await pullRequest.merge("merge"),
    });
    const answer = await sendDelivery({ url: webhookUrl, secret: webhookSecret, event: "pull_request", payload });
    return (JSON.parse(answer.body) as { build: number }).build;
  }

  function ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${apiUrl}${path}`, { ...init, headers: { authorization: `Bearer ${adminToken}` } });
  }

  /** Reads the log until the words come, or to its end. */
  async function logged(id: number, words: string): Promise<void> {
    let text = "";
    for await (const chunk of (await ask(`/builds/${id}/log?follow=true`)).body ?? []) {
      text += Buffer.from(chunk).toString("utf8");
      if (text.includes(words)) return;
    }
    throw new Error(`the log ended without "${words}": ${text}`);
  }

  async function finished(id: number): Promise<BuildView & { readonly log: string; readonly attempts: number }> {
    const log = await (await ask(`/builds/${id}/log?follow=true`)).text();
    return { ...((await (await ask(`/builds/${id}`)).json()) as BuildView & { attempts: number }), log };
  }

  /** Another Dockerfile each time: no step of it may come from the cache that the engine keeps between runs. */
  const slow = (seconds: number) =>
    [
      "FROM scratch",
      "COPY busybox /bin/busybox",
      `RUN ["/bin/busybox", "sh", "-c", "echo run ${randomUUID()} && echo begun && exec /bin/busybox sleep ${seconds}"]`,
      'CMD ["/bin/busybox"]',
      "",
    ].join("\n");

  it("F1: begins the build anew after a kill, and ends it with success", async () => {
    const id = await merge({ Dockerfile: slow(3) });
    await logged(id, "begun\n");
    await server.kill();
    await start();
    const build = await finished(id);
    expect(build, build.log).to.include({ result: "success", attempts: 2 });
    expect(build.log).to.contain("attempt 2");
    expect(await lab.docker.listContainers({ all: true })).to.deep.equal([]);
  });

  it("loses and doubles no line of a log for those who read it, whatever dies", async () => {
    const print = `echo ${randomUUID()}; for i in $(/bin/busybox seq 1 300); do echo line $i; /bin/busybox usleep 10000; done`;
    const run = ["/bin/busybox", "sh", "-c", print];
    const id = await merge({ Dockerfile: `FROM scratch\nCOPY busybox /bin/busybox\nRUN ${JSON.stringify(run)}\n` });
    const readers = [2, 30, 200].map((most) =>
      readInPieces((query, init) => ask(`/builds/${id}/log?${query}`, init), most),
    );
    await logged(id, "line 150\n");
    await server.kill();
    await start();
    await logged(id, "attempt 2\n");
    await logged(id, "line 10\n");
    const { log } = await finished(id);
    const lines = log.trimEnd().split("\n");
    const seqs = lines.map((_line, index) => index + 1);
    for (const { lines: read, connections } of await Promise.all(readers)) {
      expect(read.map(({ seq }) => seq)).to.deep.equal(seqs);
      expect(read.map(({ stage, text }) => `${stage.padEnd(6)} ${text}`)).to.deep.equal(lines);
      expect(connections).to.be.greaterThan(2);
    }
    // What the first attempt has told stays, and the second one goes on after it.
    const second = lines.findIndex((line) => line.includes("attempt 2"));
    expect(lines.slice(0, second).filter((line) => line.endsWith(" line 100"))).to.have.length(1);
    expect(lines.slice(second).filter((line) => line.endsWith(" line 300"))).to.have.length(1);
  });

  it("F11: gives the build back on SIGTERM, ends with 0, and the next start builds it", async () => {
    const id = await merge({ Dockerfile: slow(3) });
    await logged(id, "begun\n");
    expect(await server.stop()).to.equal(0);
    await start();
    const build = await finished(id);
    expect(build, build.log).to.include({ result: "success", attempts: 2 });
    expect(build.log).to.contain("the build is given back");
  });

  it("answers deliveries with 503 while it stops", async () => {
    const id = await merge({ Dockerfile: slow(3) });
    await logged(id, "begun\n");
    const stopped = server.stop();
    const answers: number[] = [];
    while (server.child.exitCode === null && !answers.includes(503)) {
      const answer = await sendDelivery({
        url: webhookUrl,
        secret: webhookSecret,
        event: "ping",
        payload: { zen: "x", hook_id: 1 },
      }).catch(() => null);
      if (answer !== null) answers.push(answer.status);
    }
    expect(answers).to.include(503);
    expect(await stopped).to.equal(0);
    await start();
    expect((await finished(id)).result).to.equal("success");
  });

  it("ends a build that takes its worker with it again and again, and builds the next one", async () => {
    const id = await merge({ Dockerfile: slow(3600) });
    for (let kill = 0; kill < 2; kill += 1) {
      await logged(id, kill === 0 ? "begun\n" : "attempt 2");
      await server.kill();
      await start();
    }
    const { Dockerfile } = await sampleApp({ message: "" });
    const next = await merge({ Dockerfile: Dockerfile ?? "", "message.txt": "next\n" });
    const build = await finished(id);
    expect(build).to.include({ result: "error" });
    expect(build.failure?.message).to.match(/^its worker died 2 times \(attempt 1 in build, attempt 2 in \w+\)/);
    expect((await finished(next)).result).to.equal("success");
  });
});
