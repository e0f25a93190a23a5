// What a process says of itself, to a file, to a terminal and to who asks for its metrics.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { root } from "../helpers/folders.ts";
import { startServer } from "../helpers/server-process.ts";

const run = promisify(execFile);

describe("the log of a server process", function () {
  this.timeout(30_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "logged-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("is JSON where nobody looks on, and metrics are open where the operator says so", async () => {
    await writeFile(
      join(folder, "mergedock.yml"),
      JSON.stringify({ metrics: { open: true }, log: { level: "debug" } }),
    );
    const server = startServer(folder, { MERGEDOCK_STATE_DIR: join(folder, "state") });
    const apiUrl = /^api +(\S+)/m.exec(await server.ready())?.[1] ?? "";
    const answer = await fetch(new URL("/metrics", apiUrl));
    expect(answer.status).to.equal(200);
    expect(await answer.text()).to.match(/^mergedock_build_info\{version="[^"]+",role="all"\} 1$/m);
    expect(await server.stop()).to.equal(0);
    const written = server.output.stderr.split("\n").filter((line) => line.startsWith("{"));
    expect(written.map((line) => (JSON.parse(line) as { readonly msg: string }).msg)).to.include("request answered");
  });

  it("is made for people on a terminal", async () => {
    const source = `import("${join(root, "ci-server/adapters/log.ts")}").then(({ createLog }) => createLog({ level: "info" }).info({ buildId: 7 }, "build begun"))`;
    const { stdout } = await run("script", ["-qec", `'${process.execPath}' -e '${source}'`, "/dev/null"]);
    expect(stdout)
      .to.match(/INFO.*build begun[^{]*\r?\n.*buildId.*7/)
      .and.not.include('"msg"');
  });
});
