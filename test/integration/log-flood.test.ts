// A build that prints without end: what is kept of it is bounded, and so is the server's memory.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { LogLine } from "../../ci-server/core/build.ts";
import { type GitServer, startGitServer } from "../../lab/git-server.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import { createRepository, type Repository } from "../../lab/sample-repository.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type Flood, type FloodingEngine, startFloodingEngine } from "../helpers/flooding-engine.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { memoryGrowth } from "../helpers/memory.ts";
import { type ServerProcess, startServer } from "../helpers/server-process.ts";
import { adminToken, type BuildView, labEnvironment } from "../helpers/tester.ts";

const megabyte = 1024 * 1024;
/** What the garbage collector leaves until it comes by, however much it is: 85 MB of 0.5 GB, 108 MB of 1.5 GB. To keep a flood takes far more. */
const grownBytesMax = 192 * megabyte;
const limits = { log_bytes_max: megabyte / 4, log_lines_max: 5_000 };

interface Built {
  readonly build: BuildView;
  readonly lines: readonly LogLine[];
}

describe("a build that prints without end", function () {
  this.timeout(240_000);
  let lab: Lab;
  let folder: string;
  let git: GitServer;
  let repository: Repository;
  let flooding: FloodingEngine;
  let flood: Flood = { piece: "", times: 0, end: "" };
  let server: ServerProcess | undefined;
  let apiUrl = "";
  before(async () => {
    lab = await useLab();
    folder = await mkdtemp(join(tmpdir(), "flood-"));
    repository = await createRepository({ root: folder, name: "acme/shop", files: await sampleApp({ message: "x" }) });
    git = await startGitServer({ root: folder });
    flooding = await startFloodingEngine(join(folder, "engine.sock"), () => flood);
    const repositories = [{ name: "acme/shop", url: `${git.url}/acme/shop.git` }];
    await writeFile(join(folder, "mergedock.yml"), JSON.stringify({ repositories, limits }));
  });
  afterEach(() => removeImages(lab));
  after(async () => {
    await flooding?.stop();
    await git?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(engineHost: string): Promise<void> {
    server = startServer(folder, { ...labEnvironment(lab, folder), MERGEDOCK_ENGINE_HOST: engineHost });
    apiUrl = /^api +(\S+)/m.exec(await server.ready())?.[1] ?? "";
  }

  function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
    return fetch(`${apiUrl}${path}`, { ...init, headers });
  }

  /** Builds a commit whose Dockerfile runs this, while a reader follows the log. */
  async function built(command: string): Promise<Built> {
    const { Dockerfile } = await sampleApp({ message: "" });
    const version = randomUUID();
    const files = { Dockerfile: `${Dockerfile}RUN echo ${version} && ${command}\n` };
    await repository.commit({ branch: version, files, message: "Flood" });
    const body = JSON.stringify({ service: "shop", version, type: "docker", ref: version });
    const { build: id } = (await (await ask("/images", { method: "POST", body })).json()) as { build: number };
    const log = await (await ask(`/builds/${id}/log?follow=true&format=json`)).text();
    const lines = log.trimEnd().split("\n");
    const build = (await (await ask(`/builds/${id}`)).json()) as BuildView;
    return { build, lines: lines.map((line) => JSON.parse(line) as LogLine) }; // the API's format
  }

  async function builtWithin(command: string): Promise<Built> {
    let found: Built | undefined;
    const grownBytes = await memoryGrowth(server?.child.pid ?? 0, async () => {
      found = await built(command);
    });
    expect(grownBytes).to.be.lessThan(grownBytesMax);
    return found ?? { build: {} as BuildView, lines: [] }; // it was set above
  }

  function expectBounded({ build, lines }: Built): void {
    expect(build).to.include({ result: "failure" });
    expect(build.failure).to.deep.include({ kind: "step" });
    expect(build.failure?.step).to.include({ exitCode: 7 });
    expect(build.failure?.lastLines.at(-1)).to.equal("the end is near");
    const bytes = lines.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
    expect(bytes).to.be.at.most(limits.log_bytes_max);
    expect(lines.length).to.be.at.most(limits.log_lines_max);
    expect(lines.map(({ seq }) => seq)).to.deep.equal(lines.map((_line, index) => index + 1));
    const cut = lines.findIndex(({ text }) => text.startsWith("… the log is cut here"));
    expect(lines[cut]?.text).to.contain(`${limits.log_bytes_max} bytes, ${limits.log_lines_max} lines`);
    expect(lines[cut + 1]?.text).to.match(/^… \d+ lines \(\d+ bytes\) were left out here …$/);
    expect(lines.slice(cut).some(({ text }) => text.endsWith(" the end is near"))).to.equal(true);
    expect(lines.at(-1)?.text).to.match(/^ {2}next /);
  }

  it("T25: is bounded on a real engine, to its end", async () => {
    await start(lab.engine.host);
    // For what a first build takes for good.
    await built("exit 7");
    const found = await builtWithin("yes | head -c 60m && sleep 1.1 && echo the end is near && exit 7");
    await server?.stop();
    expectBounded(found);
    expect(found.lines.at(-100)?.text).to.match(/^#\d+ y$/);
  });

  /** Of what costs by the line and by the character less. */
  const floods: [what: string, megabytes: number, piece: string][] = [
    ["short lines", 6, "y\n".repeat(16_384)],
    ["long lines", 500, `${"y".repeat(32_767)}\n`],
    ["a line that is written over for ever", 500, "100%\r".repeat(6_554)],
    ["colours and moves", 30, "\u001b[31mred\u001b[2K\u001b[0m\n".repeat(2_048)],
    ["a line that does not end", 500, "y".repeat(32_768)],
  ];

  describe("on an engine that knows no limit of its own", () => {
    before(async () => {
      await start(flooding.host);
      flood = { piece: "y\n".repeat(1_000), times: 100, end: "" };
      await built("true");
    });
    after(() => server?.stop());

    for (const [what, megabytes, piece] of floods) {
      it(`T25: is bounded where ${megabytes} MB of ${what} reach the server`, async () => {
        flood = { piece, times: Math.ceil((megabytes * megabyte) / piece.length), end: "\nthe end is near\n" };
        const found = await builtWithin("true");
        const texts = found.lines.map(({ text }) => text);
        if (what.endsWith("lines") || what.startsWith("colours")) expectBounded(found);
        else if (what.endsWith("ever")) expect(texts).to.include.members(["#1 100%", "#1 the end is near"]);
        else
          expect(texts.find((text) => text.startsWith("#1 yyy")))
            .to.match(/^#1 y+ … the rest of this line is left out$/)
            .and.to.have.length.below(17_000);
      });
    }
  });
});
