// `npm run demo` as a newcomer starts it: beside an engine that answers, and with a private one where none does.

import { execFile } from "node:child_process";
import { join, relative } from "node:path";
import { expect } from "chai";
import { root, runFolder } from "../helpers/folders.ts";
import { type Lab, useLab } from "../helpers/lab.ts";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("the demo", function () {
  this.timeout(120_000);
  const folder = relative(root, join(runFolder, "demo"));
  let lab: Lab;
  before(async () => {
    lab = await useLab();
  });

  function demo(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    const argv = [join(root, "demo/main.ts"), "--folder", folder, ...args];
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        argv,
        { cwd: root, env: { PATH: process.env.PATH, ...env } },
        (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
        },
      );
    });
  }

  function checkJson({ code, stdout, stderr }: Ended, host: RegExp): void {
    expect(code, stderr).to.equal(0);
    const result = JSON.parse(stdout) as {
      reference: string;
      digest: string;
      stages: Record<string, number>;
      output: string;
    };
    expect(Object.keys(result)).to.deep.equal(["reference", "digest", "stages", "output"]);
    expect(result.digest).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(result.reference).to.match(new RegExp(`^${host.source}/acme/shop@${result.digest}$`));
    expect(Object.keys(result.stages)).to.deep.equal(["queued", "fetch", "plan", "build", "push", "prove", "attest"]);
    for (const ms of Object.values(result.stages)) expect(ms).to.be.at.least(0);
    expect(result.output).to.match(/^hello from a pull request merged at .*Z\n$/);
  }

  it("starts a private engine where none answers, and prints one JSON object", async () => {
    checkJson(await demo(["--json"]), /registry\.mergedock\.test:5000/);
  });

  it("uses the engine that DOCKER_HOST names", async () => {
    checkJson(await demo(["--json"], { DOCKER_HOST: lab.engine.host }), /localhost:\d+/);
  });

  it("tells the story to a person, and what to try next", async () => {
    const { code, stdout, stderr } = await demo([], { DOCKER_HOST: lab.engine.host });
    expect(code, stderr).to.equal(0);
    for (const words of [
      "engine     Docker",
      "merged     #1",
      '"verdict":"build"',
      "COPY message.txt",
      "attest success",
      "\nreference  localhost:",
      "\nTry next:\n",
    ]) {
      expect(stdout).to.contain(words);
    }
  });

  it("says what to do when the engine of DOCKER_HOST does not answer", async () => {
    const { code, stderr } = await demo([], { DOCKER_HOST: "unix:///nowhere.sock" });
    expect(code).to.equal(1);
    expect(stderr)
      .to.contain("the Docker engine of DOCKER_HOST=unix:///nowhere.sock does not answer")
      .and.to.contain("start it, or unset DOCKER_HOST");
  });
});
