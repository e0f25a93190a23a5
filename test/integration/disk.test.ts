// No build is begun on a disk that is nearly full: it waits, says what to do, and goes on when there is room.

import { execFile } from "node:child_process";
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { Tester } from "../helpers/tester.ts";

const run = promisify(execFile);
const MiB = 1024 ** 2;
const floor = 100 * MiB;

describe("a disk that is nearly full", function () {
  this.timeout(120_000);
  let lab: Lab;
  let disk: string;
  let ci: Tester;
  before(async () => {
    lab = await useLab();
  });
  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), "disk-"));
    await run("mount", ["-t", "tmpfs", "-o", "size=400m", "tmpfs", disk]);
  });
  afterEach(async () => {
    await ci?.stop();
    await run("umount", [disk]);
    await rm(disk, { recursive: true });
    await removeImages(lab);
  });

  async function start(limits: Record<string, number>): Promise<void> {
    const env = { MERGEDOCK_STATE_DIR: join(disk, "state") };
    ci = await Tester.start({ env, limits: { free_bytes_min: floor, ...limits } });
  }

  /** Leaves half of what has to be free. */
  async function fill(): Promise<void> {
    const { bavail, bsize } = await statfs(disk);
    await writeFile(join(disk, "filler"), Buffer.alloc(bavail * bsize - floor / 2));
  }

  it("T26: lets a build wait, which says how much is free and what to do, and begins it once there is room", async () => {
    await start({});
    await fill();
    const { verdict } = await ci.merge();
    await ci.logged(verdict.build, "the build is given back, and tried again");
    await rm(join(disk, "filler"));
    const build = await ci.finished(verdict.build);
    expect(build.result, build.log).to.equal("success");
    const said =
      /disk: (\d+) bytes are free for (\S+), and a build is begun with (\d+) at least \(limits.free_bytes_min\)/;
    const [, free, folder, least] = said.exec(build.log) ?? [];
    expect([Number(free) < floor, Number(free) > 0, folder, least]).to.deep.equal([
      true,
      true,
      join(disk, "state"),
      String(floor),
    ]);
    expect(build.log).to.contain("free some space there, or lower the limit");
    expect(build.history.at(-1)?.attempt).to.be.greaterThan(1);
  });

  it("T26: is an error of ours when it lasts, and no build of what comes later", async () => {
    await start({ trouble_seconds_max: 0 });
    await fill();
    const full = await ci.finished((await ci.merge()).verdict.build);
    expect(full).to.deep.include({ result: "error", images: [] });
    expect(full.failure).to.deep.include({ code: "unavailable" });
    expect(full.failure?.message).to.match(/^disk: \d+ bytes are free/);
    expect(full.failure).to.include({ kind: "disk" });
    expect(full.stages.at(-1)).to.include({ name: "fetch", result: "error" });
    await rm(join(disk, "filler"));
    const next = await ci.finished((await ci.merge()).verdict.build);
    expect(next.result, next.log).to.equal("success");
  });

  it("T26: first gives up what is ours and not used: images on the engine, and never a stranger's", async () => {
    await start({ trouble_seconds_max: 0 });
    const builds = [];
    for (let index = 0; index < 3; index += 1)
      builds.push(await ci.finished((await ci.merge({ message: `disk ${Math.random()}` })).verdict.build));
    const ours = builds.map(({ id }) => `${lab.registry.host}/acme/shop:build-${id}`);
    await lab.docker.getImage(ours[0] ?? "").tag({ repo: "stranger/app", tag: "1" });
    try {
      await fill();
      expect(await ci.finished((await ci.merge()).verdict.build)).to.include({ result: "error" });
      const left = (await lab.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
      expect(left)
        .to.include.members(["stranger/app:1", ...ours.slice(1)])
        .and.not.include(ours[0]);
    } finally {
      await lab.docker.getImage("stranger/app:1").remove({ force: true });
    }
  });

  it("does not matter where the floor is 0", async () => {
    await start({ free_bytes_min: 0 });
    await fill();
    const build = await ci.finished((await ci.merge()).verdict.build);
    expect(build.result, build.log).to.equal("success");
  });
});
