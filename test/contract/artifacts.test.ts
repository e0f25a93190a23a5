// Artifacts beside an image: on a registry without the referrers API (the lab's), and on a fake of one that has it.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  createRegistryArtifacts,
  digestOf,
  type RegistryArtifacts,
  referrersTag,
} from "../../ci-server/adapters/registry-artifacts.ts";
import { attachArtifacts } from "../../ci-server/adapters/registry-attach.ts";
import type { RegistryHttp } from "../../ci-server/adapters/registry-http.ts";
import { putManifest } from "../../ci-server/adapters/registry-manifest.ts";
import { Turns } from "../../ci-server/adapters/turns.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import type { Descriptor } from "../../ci-server/core/manifest.ts";
import { startReferrersRegistry } from "../fakes/referrers-registry.ts";
import { labRegistryHttp, sampleArtifact } from "../helpers/artifact-samples.ts";
import { fails } from "../helpers/failure.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie } from "../helpers/lying-proxy.ts";
import { pushTinyImage } from "../helpers/tiny-image.ts";

const never = new AbortController().signal;

interface Subject {
  readonly http: RegistryHttp;
  readonly hasReferrers: boolean;
  /** What was asked for, where that is known. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

const registries: Record<string, (lab: Lab, folder: string) => Promise<Subject>> = {
  async "without the referrers API"(lab) {
    const http = await labRegistryHttp(lab);
    return { http, hasReferrers: false, asked: [], stop: async () => http.close() };
  },
  async "with the referrers API"(lab, folder) {
    const fake = await startReferrersRegistry(lab, folder);
    const { MERGEDOCK_REGISTRY_API_URL: apiUrl, MERGEDOCK_REGISTRY_CA_FILE: caFile } = fake.env;
    const http = await labRegistryHttp(lab, apiUrl, caFile);
    const stop = async () => {
      http.close();
      await fake.stop();
    };
    return { http, hasReferrers: true, asked: fake.asked, stop };
  },
};

for (const [name, start] of Object.entries(registries)) {
  describe(`a registry ${name}`, () => {
    const image = `contract/artifacts-${randomUUID()}`;
    const turns = new Turns();
    let lab: Lab;
    let folder: string;
    let subject: Subject;
    let registry: RegistryArtifacts;
    before(async () => {
      lab = await useLab();
      folder = await mkdtemp(join(tmpdir(), "artifacts-"));
      subject = await start(lab, folder);
      registry = createRegistryArtifacts(subject.http);
    });
    after(async () => {
      await subject?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function newImage(tag: string): Promise<Descriptor> {
      const digest = await pushTinyImage(lab, image, tag);
      const found = await registry.manifest(image, digest, never);
      if (found === null) throw new Error("it was just pushed");
      return found.descriptor;
    }

    function attach(to: Descriptor, texts: readonly string[], fence = async () => undefined) {
      return attachArtifacts(subject.http, {
        ...{ image, subject: to, artifacts: texts.map(sampleArtifact), fence, signal: never },
        locked: (lock, signal, work) => turns.take(lock, signal, work),
      });
    }

    const listed = async (digest: string) => (await registry.referrers(image, digest, never)).map((one) => one.digest);

    it("has no referrers of an image that nobody has spoken of", async () => {
      const { digest } = await newImage("silent");
      expect(await listed(digest)).to.deep.equal([]);
      expect(await listed(`sha256:${"0".repeat(64)}`)).to.deep.equal([]);
    });

    it("lists what was attached, with type and annotations, and gives back its bytes", async () => {
      const to = await newImage("spoken-of");
      const digests = await attach(to, ["first", "second"]);
      const found = await registry.referrers(image, to.digest, never);
      // In which order is the registry's to say.
      expect(found.map((one) => one.digest)).to.have.members(digests);
      const { artifactType, annotations } = sampleArtifact("");
      for (const one of found) expect(one).to.deep.include({ artifactType, annotations });
      const manifest = await registry.manifest(image, digests[0] ?? "", never);
      expect(manifest?.json).to.deep.include({
        ...{ artifactType, annotations, subject: to },
        config: { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(Buffer.from("{}")), size: 2 },
      });
      const blob = await registry.blob(image, manifest?.json.layers?.[0]?.digest ?? "", 100, never);
      expect(String(blob)).to.equal("first");
    });

    it("keeps the image's own manifest as it was, and uses a tag only where it has to", async () => {
      const to = await newImage("untouched");
      await attach(to, ["x"]);
      expect((await registry.manifest(image, "untouched", never))?.descriptor).to.deep.equal(to);
      const list = await registry.manifest(image, referrersTag(to.digest), never);
      expect(list?.descriptor.mediaType).to.equal(
        subject.hasReferrers ? undefined : "application/vnd.oci.image.index.v1+json",
      );
    });

    it("lists the same attestation once, however often it is attached", async () => {
      const to = await newImage("again");
      const once = await attach(to, ["x"]);
      expect(await attach(to, ["x"])).to.deep.equal(once);
      expect(await listed(to.digest)).to.deep.equal(once);
    });

    it("lists them all, though several attach at once", async () => {
      const to = await newImage("at-once");
      const all = await Promise.all(["a", "b", "c", "d"].map((text) => attach(to, [text])));
      expect(await listed(to.digest))
        .to.have.members(all.flat())
        .and.have.length(4);
    });

    it("is written to no more once the fence is down", async () => {
      const to = await newImage("fenced");
      let asked = 0;
      const fence = async () => {
        asked += 1;
        // The first time is before the blobs, the second before the manifests.
        if (asked > 1) throw new AppError("unavailable", "taken over");
        return undefined;
      };
      await fails(attach(to, ["x", "y"], fence), "unavailable", "taken over");
      expect(await listed(to.digest)).to.deep.equal([]);
    });

    it("gives null for a blob that it does not have, and is not asked for more than the limit", async () => {
      const to = await newImage("limits");
      expect(await registry.blob(image, `sha256:${"0".repeat(64)}`, 10, never)).to.equal(null);
      expect(await registry.blobStream(image, `sha256:${"0".repeat(64)}`, never)).to.equal(null);
      await attach(to, ["0123456789"]);
      const digest = digestOf(Buffer.from("0123456789"));
      await fails(registry.blob(image, digest, 9, never), "too_large", "the registry sent more than 9 bytes");
      expect(String(await registry.blob(image, digest, 10, never))).to.equal("0123456789");
    });
  });
}

describe("the list under the tag", () => {
  let http: RegistryHttp;
  let lab: Lab;
  const image = `contract/artifacts-${randomUUID()}`;
  const locked = <T>(_name: string, _signal: AbortSignal, work: () => Promise<T>) => work();
  before(async () => {
    lab = await useLab();
    http = await labRegistryHttp(lab);
  });
  after(() => http?.close());

  async function descriptorOf(tag: string): Promise<Descriptor> {
    const digest = await pushTinyImage(lab, image, tag);
    const manifest = await createRegistryArtifacts(http).manifest(image, digest, never);
    return manifest?.descriptor ?? { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 0 };
  }

  const request = (subject: Descriptor, text: string) => ({
    ...{ image, subject, artifacts: [sampleArtifact(text)], locked, fence: async () => undefined, signal: never },
  });

  it("keeps what others have put there", async () => {
    const to = await descriptorOf("others");
    const other = {
      ...(await descriptorOf("signature")),
      artifactType: "application/x.signature",
      annotations: { a: "b" },
    };
    const type = "application/vnd.oci.image.index.v1+json";
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [other] }));
    await putManifest(http, image, referrersTag(to.digest), { mediaType: type, bytes }, never);
    const [ours] = await attachArtifacts(http, request(to, "ours"));
    const found = await createRegistryArtifacts(http).referrers(image, to.digest, never);
    expect(found[0]).to.deep.equal(other);
    expect(found.map(({ digest }) => digest)).to.deep.equal([other.digest, ours]);
  });

  it("loses what was removed from the registry meanwhile, where the registry refuses a list with it", async () => {
    const to = await descriptorOf("removed");
    const [gone = ""] = await attachArtifacts(http, request(to, "gone"));
    const call = { method: "DELETE", path: `/v2/${image}/manifests/${gone}`, scope: "", signal: never } as const;
    expect((await http.read(call)).status).to.equal(202);
    // The lab's registry refuses it only once it has noticed.
    let refusals = 0;
    const lie: Lie = ({ method, path }) =>
      method === "PUT" && path.includes("/manifests/sha256-") && ++refusals === 1
        ? { status: 400, body: Buffer.from("MANIFEST_BLOB_UNKNOWN") }
        : null;
    const folder = await mkdtemp(join(tmpdir(), "artifacts-"));
    const { proxy, env } = await proxyRegistry(lab, folder, lie);
    const through = await labRegistryHttp(lab, env.MERGEDOCK_REGISTRY_API_URL, env.MERGEDOCK_REGISTRY_CA_FILE);
    try {
      const [ours] = await attachArtifacts(through, request(to, "ours"));
      const found = await createRegistryArtifacts(http).referrers(image, to.digest, never);
      expect(found.map(({ digest }) => digest)).to.deep.equal([ours]);
    } finally {
      through.close();
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });

  it("is left alone when the tag names something else", async () => {
    const to = await descriptorOf("occupied");
    await pushTinyImage(lab, image, referrersTag(to.digest));
    await fails(
      attachArtifacts(http, request(to, "x")),
      "internal",
      "is not a list of referrers, and is left as it is",
    );
  });
});
