// The demo beside an engine that has the image registry:2: its registry is then a container.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import Docker from "dockerode";
import { type Engine, startEngine } from "../../lab/engine.ts";
import { engineObjects } from "../helpers/engine-objects.ts";
import { cacheFolder, enginesFolder, root, runFolder } from "../helpers/folders.ts";
import { loadArchive } from "./docker-archive.ts";

describe("the demo beside an engine with the image registry:2", function () {
  this.timeout(120_000);
  let engine: Engine;
  let docker: Docker;
  before(async () => {
    engine = await startEngine({ folder: join(enginesFolder, "compose") });
    docker = new Docker({ socketPath: engine.socketPath });
    await loadArchive({ docker, folder: join(cacheFolder, "images") });
  });
  after(() => engine?.stop());

  it("runs it as a container, and leaves nothing of it on the engine", async () => {
    const before = await engineObjects(docker);
    const folder = join(runFolder, "demo-image").slice(root.length + 1);
    const env = { PATH: process.env.PATH, DOCKER_HOST: engine.host };
    const { stdout } = await promisify(execFile)(process.execPath, ["demo/main.ts", "--folder", folder], {
      cwd: root,
      env,
    });
    expect(stdout).to.match(/registry {3}https:\/\/localhost:\d+, TLS with a CA of its own, from the image registry:2/);
    expect(stdout).to.contain("the container printed what #1 says");
    expect(await engineObjects(docker)).to.have.members(before);
  });
});
