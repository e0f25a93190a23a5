// Several processes that watch the same base images: one of them asks for all, by HEAD, and one build is made of a change.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Repository } from "../../lab/sample-repository.ts";
import { pushBase } from "../helpers/base-image.ts";
import { Fleet } from "../helpers/fleet.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { type LabProxy, proxyRegistry } from "../helpers/lab-proxies.ts";

describe("several watchers of base images", function () {
  this.timeout(90_000);
  let lab: Lab;
  let fleet: Fleet;
  let registry: LabProxy;
  const asked: string[] = [];
  const still = `watchers/still-${randomUUID()}`;
  const moving = `watchers/moving-${randomUUID()}`;
  before(async () => {
    lab = await useLab();
  });
  beforeEach(async () => {
    for (const name of [still, moving]) await pushBase(lab, `${lab.registry.host}/${name}:1`, "the first base");
    fleet = await Fleet.create({
      machines: { all: 1, worker: 2 },
      file: { base_watch: { every_seconds: 3_600 } },
      files: {
        ".mergedock.yml": "images:\n  - { service: still, context: still }\n  - { service: moving, context: moving }\n",
        ...{ "still/Dockerfile": dockerfile(still), "moving/Dockerfile": dockerfile(moving), "message.txt": "x\n" },
      },
    });
    registry = await proxyRegistry(lab, fleet.folder, ({ method, path }) => {
      if (path.startsWith("/v2/watchers/")) asked.push(`${method} ${path}`);
      return null;
    });
  });
  afterEach(async () => {
    await fleet?.stop();
    await registry?.proxy.stop();
  });

  const dockerfile = (name: string) => `FROM ${lab.registry.host}/${name}:1\nCMD ["cat", "/base.txt"]\n`;

  async function ended(trigger: string): Promise<{ id: number; service: string | null; result: string | null }> {
    const sql = "select id::int, service, result from build where trigger = $1";
    const look = () => fleet.query<{ id: number; service: string | null; result: string | null }>(sql, [trigger]);
    const [build] = await fleet.until(look, ([row]) => (row?.result ?? null) !== null, 30_000);
    if (build === undefined) throw new Error("it has ended");
    return build;
  }

  it("asks for each base once in a round, by HEAD, and builds once what is of a changed one", async () => {
    const [all] = fleet.of("all");
    if (all === undefined) throw new Error("one was asked for");
    await all.start();
    const { payload } = await fleet.merge(fleet.repositories[0] as Repository); // one was made
    await fleet.deliver(all, payload);
    expect(await ended("pull_request")).to.include({ result: "success" });
    await all.stop();
    await pushBase(lab, `${lab.registry.host}/${moving}:1`, "the second base");

    // The next round is due, and all of them begin with a look.
    await fleet.query("delete from base_round");
    await Promise.all(fleet.machines.map((machine) => machine.start(registry.env)));
    expect(await ended("base_image")).to.include({ service: "moving", result: "success" });
    const head = (name: string) => `HEAD /v2/${name}/manifests/1`;
    // The build asks once more for what it is of.
    expect(asked.toSorted()).to.deep.equal([head(moving), head(moving), head(still)]);
    expect(await fleet.query("select 1 from build where trigger = 'base_image'")).to.have.length(1);
  });
});
