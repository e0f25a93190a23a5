import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { root } from "../../helpers/folders.ts";

describe("the check for leaks", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "leaks-test-"));
    await mkdir(join(folder, "tmp"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("names what a test left, lets the other tests run, and fails", async () => {
    const { code, stdout, stderr } = await mocha(`
      it("leaves much", (done) => {
        mkdtempSync(join(tmpdir(), "left-"));
        const child = spawn("sleep", ["60"]);
        process.on("exit", () => child.kill());
        setInterval(() => {}, 1000);
        createServer().listen(4404, "127.0.0.1", done);
      });
      it("leaves nothing", () => {});
    `);
    expect(stdout).to.match(/the file or folder \S+\/tmp\/left-\w+, by "suite leaves much"/);
    expect(stdout).to.include('a server on port 4404, by "suite leaves much"');
    expect(stdout).to.match(/process \d+ sleep 60, by "suite leaves much"/);
    expect(stdout).to.not.include('by "suite leaves nothing"');
    expect(stderr).to.match(/still open .* Timeout/);
    expect(stdout.trimEnd().split("\n").at(-1)).to.equal("2 passed, 1 failed");
    expect(code).to.equal(1);
  });

  it("blames no test for what the suite's own hooks start and stop", async () => {
    const { code, stdout } = await mocha(`
      let server;
      before((done) => void (server = createServer().listen(4404, "127.0.0.1", done)));
      after((done) => void server.close(done));
      it("uses the server", () => {});
      it.skip("comes later", () => {});
    `);
    expect(stdout.trimEnd().split("\n").at(-1)).to.equal("1 passed, 0 failed, 1 skipped");
    expect(code).to.equal(0);
  });

  it("lets no run pass in which no test ran", async () => {
    const { code, stdout } = await mocha("");
    expect(stdout.trimEnd().split("\n").at(-1)).to.equal("0 passed, 0 failed");
    expect(code).to.equal(1);
  });

  async function mocha(tests: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const file = join(folder, "suite.test.mjs");
    await writeFile(file, `${imports}\ndescribe("suite", () => {${tests}});`);
    const args = ["--reporter", "test/reporter.ts", "--require", "test/helpers/leaks.ts", file];
    const command = [process.execPath, join(root, "node_modules/mocha/bin/mocha.js"), ...args];
    const options = { cwd: root, env: { PATH: process.env.PATH, TMPDIR: join(folder, "tmp") } };
    const [program = "", ...rest] = command;
    return promisify(execFile)(program, rest, options).then(
      (output) => ({ code: 0, ...output }),
      (error) => error,
    );
  }
});

const imports = `
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
`;
