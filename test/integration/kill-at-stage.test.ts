// F1: a server that is killed at each step of a build; what was finished before, and can be proven, is not done again.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { createRegistryArtifacts } from "../../ci-server/adapters/registry-artifacts.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import type { Files } from "../../lab/sample-commit.ts";
import type { Repository } from "../../lab/sample-repository.ts";
import { labRegistryHttp } from "../helpers/artifact-samples.ts";
import { pushBase } from "../helpers/base-image.ts";
import { runImage } from "../helpers/engine-images.ts";
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

  /** One machine, on whose way to engine and registry somebody can hold an answer. */
  async function begin(files?: Files): Promise<void> {
    calls.length = 0;
    reached = Promise.withResolvers<void>();
    fleet = await Fleet.create({ machines: { all: 1 }, ...(files && { files }) });
    machine = fleet.machines[0] as Machine; // one was asked for
    proxies = [await proxyEngine(fleet.lab, fleet.folder, watch), await proxyRegistry(fleet.lab, fleet.folder, watch)];
    await machine.start(through());
  }
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

  /** Merges these files, kills the machine when it has come to `holds`, and waits for the end of the second attempt. */
  async function mergeAndKill(
    holds: typeof hold,
    { files, whileDown = async () => undefined }: { files?: Files; whileDown?: () => Promise<void> } = {},
  ): Promise<number> {
    hold = holds;
    const merged = await fleet.merge(fleet.repositories[0] as Repository, files); // one was made
    const { build: id } = JSON.parse((await fleet.deliver(machine, merged.payload)).body) as { build: number };
    await reached.promise;
    await machine.kill();
    await whileDown();
    await machine.start(through());
    // Before the queue would have missed its heartbeat.
    await fleet.until(
      () => fleet.query<{ attempts: number }>("select attempts from build where id = $1", [id]),
      ([row]) => row?.attempts === 2,
      8_000,
    );
    const [build] = await fleet.until(
      () => fleet.query<{ result: string; attempts: number }>("select result, attempts from build where id = $1", [id]),
      ([row]) => row?.result !== null,
      30_000,
    );
    expect(build).to.deep.equal({ result: "success", attempts: 2 });
    return id;
  }

  async function printed(id: number, service: string): Promise<string> {
    const sql = "select reference from image where build_id = $1 and service = $2";
    const [image] = await fleet.query<{ reference: string }>(sql, [id, service]);
    return runImage(fleet.lab, image?.reference ?? "", { pull: true });
  }

  for (const { name, holds, builds, pushes } of steps) {
    it(`${name} goes on by itself, and does nothing twice that was finished`, async () => {
      await begin();
      const id = await mergeAndKill(holds);
      const [image] = await fleet.query<{ digest: string; attestations: readonly { digest: string }[] }>(
        "select digest, attestations from image where build_id = $1",
        [id],
      );
      expect(await listed(image?.digest ?? "")).to.deep.equal(image?.attestations.map(({ digest }) => digest));
      expect([calls.filter(isBuild).length, calls.filter(isPush).length]).to.deep.equal([builds, pushes]);
      expect(await fleet.lab.docker.listContainers({ all: true })).to.deep.equal([]);
    });
  }

  it("while it builds an image that needs another one takes that one as it was built, and builds on it", async () => {
    const recipes = `images:
  - { service: web, context: web, needs: [base] }
  - { service: base, context: base }
`;
    const { busybox = "" } = await sampleApp({ message: "" });
    const base = 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY text /text\nCMD ["/bin/busybox", "cat", "/text"]\n';
    const web = 'ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY more /more\nCMD ["/bin/busybox", "cat", "/text", "/more"]\n';
    await begin({
      ...{ ".mergedock.yml": recipes, "base/Dockerfile": base, "base/busybox": busybox, "base/text": "x\n" },
      ...{ "web/Dockerfile": web, "web/more": "y\n" },
    });
    const name = `needed ${randomUUID()}\n`;
    const id = await mergeAndKill((call) => isBuild(call) && calls.filter(isBuild).length === 2, {
      files: { "base/text": name, "web/more": "web\n" },
    });
    expect(await printed(id, "web")).to.equal(`${name}web\n`);
    // The one that was finished once, the other one twice.
    const built = calls.filter(isBuild).map(({ path }) => new URLSearchParams(path).get("t")?.split("/").at(-1));
    expect(built).to.deep.equal([`base:build-${id}`, `web:build-${id}`, `web:build-${id}-2`]);
    expect(calls.filter(isPush)).to.have.length(2);
    const logged = await fleet.query<{ text: string }>("select lines::text as text from log_chunk");
    expect(logged.map(({ text }) => text).join()).to.contain("base: an earlier attempt has built sha256:");
  });

  it("after a build whose base image changes meanwhile does not take what it has built of the old one", async () => {
    const lab = await useLab();
    const base = `${lab.registry.host}/attempts/base:${randomUUID()}`;
    await pushBase(lab, base, "the old base");
    await begin({ Dockerfile: `FROM ${base}\nCOPY message.txt /\nCMD ["cat", "/base.txt"]\n`, "message.txt": "x\n" });
    const id = await mergeAndKill(isPush, { whileDown: () => pushBase(lab, base, "the new base") });
    expect(await printed(id, "shop")).to.equal("the new base\n");
    expect([calls.filter(isBuild).length, calls.filter(isPush).length]).to.deep.equal([2, 2]);
  });
});
