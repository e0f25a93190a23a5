// What core/ports/destinations.ts promises of what lies beside an image: to a registry without the referrers API, and to one with it.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createRegistryArtifacts, referrersTag } from "../../ci-server/adapters/registry-artifacts.ts";
import { attachArtifacts } from "../../ci-server/adapters/registry-attach.ts";
import { createDestinations } from "../../ci-server/adapters/registry-copy.ts";
import type { RegistryHttp } from "../../ci-server/adapters/registry-http.ts";
import { Turns } from "../../ci-server/adapters/turns.ts";
import type { CopyReferrersRequest, Destinations } from "../../ci-server/core/ports.ts";
import { startReferrersRegistry } from "../fakes/referrers-registry.ts";
import { labRegistryHttp, sampleArtifact } from "../helpers/artifact-samples.ts";
import { fails } from "../helpers/failure.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { type OtherRegistry, startOtherRegistry } from "../helpers/other-registry.ts";
import { pushTinyImage } from "../helpers/tiny-image.ts";

const never = new AbortController().signal;

describe("what lies beside an image, copied", function () {
  this.timeout(60_000);
  const image = `contract/beside-${randomUUID()}`;
  const turns = new Turns();
  let lab: Lab;
  let folder: string;
  let own: RegistryHttp;
  let other: OtherRegistry;
  let there: RegistryHttp;
  let destinations: Destinations;
  before(async () => {
    lab = await useLab();
    folder = await mkdtemp(join(tmpdir(), "beside-"));
    own = await labRegistryHttp(lab);
    other = await startOtherRegistry(lab, folder);
    there = await labRegistryHttp({ ...lab, registry: other, account: other });
    destinations = createDestinations({ own, others: [there] });
  });
  after(async () => {
    own?.close();
    there?.close();
    await other?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const parts = {
    locked: (<T>(lock: string, signal: AbortSignal, work: () => Promise<T>) =>
      turns.take(lock, signal, work)) as CopyReferrersRequest["locked"],
    fence: async () => undefined,
    signal: never,
  };

  /** An image of our registry with these beside it, and the image alone at the destination. */
  async function given(tag: string, destination: string, to = destinations): Promise<CopyReferrersRequest> {
    const digest = await pushTinyImage(lab, image, tag);
    const subject = (await createRegistryArtifacts(own).manifest(image, digest, never))?.descriptor;
    if (subject === undefined) throw new Error("it was just pushed");
    const artifacts = ["provenance", "sbom"].map((what) => sampleArtifact(`${what} of ${tag}`));
    const referrers = await attachArtifacts(own, { image, subject, artifacts, ...parts });
    const rest = { fence: parts.fence, signal: never, log: () => undefined };
    await to.copy({ image, digest, destination, tags: [], immutable: [], ...rest });
    return { image, digest, destination, referrers, locked: parts.locked, ...rest };
  }

  async function listed({ digest }: CopyReferrersRequest): Promise<readonly string[]> {
    return (await createRegistryArtifacts(there).referrers("team/shop", digest, never)).map((one) => one.digest);
  }

  it("is listed there under its tag, once, with what stood there already", async () => {
    const request = await given("listed", `${other.host}/team/shop`);
    const subject = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: request.digest, size: 1 };
    const artifacts = [sampleArtifact("a stranger's")];
    const strangers = await attachArtifacts(there, { image: "team/shop", subject, artifacts, ...parts });
    for (const _twice of [1, 2]) await destinations.copyReferrers(request);
    expect(await listed(request)).to.deep.equal([...strangers, ...request.referrers]);
    const registry = createRegistryArtifacts(there);
    const [, first] = await registry.referrers("team/shop", request.digest, never);
    const { artifactType, annotations } = sampleArtifact("");
    expect(first).to.deep.include({ artifactType, annotations });
    const manifest = await registry.manifest("team/shop", request.referrers[0] ?? "", never);
    const blob = await registry.blob("team/shop", manifest?.json.layers?.[0]?.digest ?? "", 100, never);
    expect(String(blob)).to.equal("provenance of listed");
  });

  it("is left to a registry that lists it by itself", async () => {
    const fake = await startReferrersRegistry(lab, folder);
    const { MERGEDOCK_REGISTRY_API_URL: apiUrl, MERGEDOCK_REGISTRY_CA_FILE: caFile } = fake.env;
    const http = await labRegistryHttp(lab, apiUrl, caFile);
    try {
      const byItself = createDestinations({ own, others: [http] });
      const path = `${image}-copied`;
      const request = await given("by-itself", `${lab.registry.host}/${path}`, byItself);
      await byItself.copyReferrers(request);
      const found = await createRegistryArtifacts(http).referrers(path, request.digest, never);
      expect(found.map((one) => one.digest)).to.deep.equal(request.referrers);
      expect(fake.asked).not.to.include(`PUT /v2/${path}/manifests/${referrersTag(request.digest)}`);
    } finally {
      http.close();
      await fake.stop();
    }
  });

  it("is not written without a look at the lease, nor to a registry that nobody configured", async () => {
    const request = await given("fenced", `${other.host}/team/shop`);
    const fence = () => Promise.reject(new Error("taken over"));
    const error = await destinations.copyReferrers({ ...request, fence }).catch((thrown: Error) => thrown.message);
    expect(error).to.equal("taken over");
    expect(await listed(request)).to.deep.equal([]);
    const unknown = destinations.copyReferrers({ ...request, destination: "nowhere.test/team/shop" });
    await fails(unknown, "invalid", "registry nowhere.test is not configured");
  });

  it("has to be there to be copied", async () => {
    const request = await given("gone", `${other.host}/team/shop`);
    const gone = `sha256:${"0".repeat(64)}`;
    await fails(
      destinations.copyReferrers({ ...request, referrers: [gone] }),
      "unavailable",
      `the registry does not have ${image}@${gone}`,
    );
  });
});
