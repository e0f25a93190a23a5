// F1: a server that is killed at each step of a build; what was finished before, and can be proven, is not done again.

import { expect } from "chai";
import { createRegistryArtifacts } from "../../ci-server/adapters/registry-artifacts.ts";
import type { Repository } from "../../lab/sample-repository.ts";
import { labRegistryHttp } from "../helpers/artifact-samples.ts";
import { Fleet, type Machine } from "../helpers/fleet.ts";
import { useLab } from "../helpers/lab.ts";
import { type LabProxy, proxyEngine, proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie } from "../helpers/lying-proxy.ts";

interface Call {
  readonly method: string;
  readonly path: string;
}

interface Step {
  readonly name: string;
  /** The call whose answer never comes: by then the engine or the registry has done what it was asked to. */
  readonly holds: (call: Call) => boolean;
  /** How often engine and registry are asked for it in all, the killed attempt included. */
  readonly builds: number;
  readonly pushes: number;
}

const isBuild = ({ path }: Call) => path.includes("/build?");
const isPush = ({ path }: Call) => path.includes("/push?");
const isTagging = ({ method, path }: Call) => method === "PUT" && path.includes("/manifests/pr-");
const isAttesting = ({ method, path }: Call) => method === "PUT" && path.includes("/manifests/sha256-");
const isProof = ({ method, path }: Call) => method === "GET" && path.includes("/manifests/pr-");

const steps: readonly Step[] = [
  { name: "after the engine has built, before that is recorded", holds: isBuild, builds: 2, pushes: 1 },
  { name: "after the engine has pushed, before that is known", holds: isPush, builds: 1, pushes: 1 },
  { name: "in the middle of tagging", holds: isTagging, builds: 1, pushes: 1 },
  { name: "in the middle of the proof", holds: isProof, builds: 1, pushes: 1 },
  { name: "in the middle of attesting", holds: isAttesting, builds: 1, pushes: 1 },
];

describe("F1: a server that is killed", function () {
  this.timeout(60_000);
  let fleet: Fleet;
  let machine: Machine;
  let proxies: LabProxy[];
  const calls: Call[] = [];
  let hold: (call: Call) => boolean = () => false;
  let reached = Promise.withResolvers<void>();
  before(async () => {
    await useLab();
  });
  beforeEach(async () => {
    calls.length = 0;
    reached = Promise.withResolvers<void>();
    fleet = await Fleet.create({ machines: { all: 1 } });
    machine = fleet.machines[0] as Machine; // one was asked for
    proxies = [await proxyEngine(fleet.lab, fleet.folder, watch), await proxyRegistry(fleet.lab, fleet.folder, watch)];
    await machine.start(through());
  });
  afterEach(async () => {
    await fleet.stop();
    await Promise.all(proxies.map(({ proxy }) => proxy.stop()));
  });

  const watch: Lie = async (call) => {
    calls.push(call);
    if (!hold(call)) return null;
    hold = () => false;
    reached.resolve();
    return new Promise(() => undefined);
  };

  const through = () => Object.assign({}, ...proxies.map(({ env }) => env)) as Record<string, string>;

  /** What the registry lists beside the image: provenance and an SBOM, once each. */
  async function listed(digest: string): Promise<string[]> {
    const http = await labRegistryHttp(fleet.lab);
    const found = await createRegistryArtifacts(http).referrers("acme/shop", digest, new AbortController().signal);
    http.close();
    expect(found).to.have.length(2);
    return found.map((one) => one.digest);
  }

  for (const { name, holds, builds, pushes } of steps) {
    it(`${name} goes on by itself, and does nothing twice that was finished`, async () => {
      hold = holds;
      const merged = await fleet.merge(fleet.repositories[0] as Repository); // one was made
      const { build: id } = JSON.parse((await fleet.deliver(machine, merged.payload)).body) as { build: number };
      await reached.promise;
      await machine.kill();
      await machine.start(through());
      // Before the queue would have missed its heartbeat.
      await fleet.until(
        () => fleet.query<{ attempts: number }>("select attempts from build where id = $1", [id]),
        ([row]) => row?.attempts === 2,
        8_000,
      );
      const [build] = await fleet.until(
        () =>
          fleet.query<{ result: string; attempts: number }>("select result, attempts from build where id = $1", [id]),
        ([row]) => row?.result !== null,
        30_000,
      );
      expect(build).to.deep.equal({ result: "success", attempts: 2 });
      const [image] = await fleet.query<{ digest: string; attestations: readonly { digest: string }[] }>(
        "select digest, attestations from image where build_id = $1",
        [id],
      );
      expect(await listed(image?.digest ?? "")).to.deep.equal(image?.attestations.map(({ digest }) => digest));
      expect([calls.filter(isBuild).length, calls.filter(isPush).length]).to.deep.equal([builds, pushes]);
      expect(await fleet.lab.docker.listContainers({ all: true })).to.deep.equal([]);
    });
  }
});
