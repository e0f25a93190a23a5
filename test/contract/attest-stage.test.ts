// What the stage `attest` adds to what is beside an image already: after an earlier attempt, another build, another image.

import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createAttestations } from "../../ci-server/adapters/attestations.ts";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import { createSigner } from "../../ci-server/adapters/dsse.ts";
import type { RegistryHttp } from "../../ci-server/adapters/registry-http.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { unwatched } from "../../ci-server/core/observers.ts";
import type { SignedStatement } from "../../ci-server/core/ports.ts";
import { usualService } from "../../ci-server/core/service.ts";
import type { AttestParts } from "../../ci-server/flows/attest-parts.ts";
import { type BuildParts, type BuildRun, newImageRun } from "../../ci-server/flows/build-run.ts";
import { attestImages } from "../../ci-server/flows/stages/attest.ts";
import { labRegistryHttp } from "../helpers/artifact-samples.ts";
import { exampleBuild } from "../helpers/example-build.ts";
import { fails } from "../helpers/failure.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { pushTinyImage } from "../helpers/tiny-image.ts";

const never = new AbortController().signal;
const image = "contract/attested";

interface Attesting {
  readonly id: number;
  readonly attempt?: number;
  readonly digest: string;
  readonly reusedFrom?: number | null;
  readonly confirm?: () => Promise<void>;
}

describe("the stage attest", () => {
  let lab: Lab;
  let folder: string;
  let http: RegistryHttp;
  let attest: AttestParts;
  before(async () => {
    lab = await useLab();
    folder = await mkdtemp(join(tmpdir(), "attest-"));
    http = await labRegistryHttp(lab);
    const { privateKey } = generateKeyPairSync("ed25519");
    const signer = createSigner(String(privateKey.export({ type: "pkcs8", format: "pem" })), "the key");
    const limits = { layerBytesMax: 1e9, layerEntriesMax: 1e6, layerPackagesMax: 1e5, fileBytesMax: 1e7 };
    const attestations = createAttestations({ http, signer, limits, cacheFolder: folder, cacheLayersMax: 10 });
    const builder = { id: "https://ci.example.com", version: "0.1.0" };
    attest = { attestations, builder, locked: (_name, _signal, work) => work() };
  });
  after(async () => {
    http?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The run as the stages before this one leave it. */
  function runOf({ id, attempt = 1, digest, reusedFrom = null, confirm = async () => undefined }: Attesting): BuildRun {
    const sha = "b".repeat(40);
    const build = exampleBuild({ id, sha, attempts: attempt, startedAt: new Date(), pullRequest: null });
    const repository = { name: "acme/shop", url: "https://github.com/acme/shop.git", branches: ["main"] };
    const parts = {
      ...{ attest, clock: systemClock, repositories: [repository], pushHost: lab.registry.host },
      retry: { attempts: 1, delayMs: 1, delayMsMax: 1 },
    } as unknown as BuildParts; // what the stage looks at
    const checkout = { sha, folder: "", committedAt: new Date(0), merge: null, release: () => undefined };
    const { name: service, paths: _paths, ...rest } = usualService("shop");
    const recipe = {
      ...rest,
      service,
      image,
      tags: ["x"],
      labels: {},
      ownLabels: {},
      annotations: {},
      ...{ fixedTags: [], forwardTags: [], tagNotes: [] },
    } as const;
    return {
      ...{ parts, build, at: { buildId: id, attempt }, lease: { signal: never, confirm }, signal: never },
      ...{ log: () => undefined, checkout: checkout as unknown as BuildRun["checkout"], skipReason: null },
      ...{ found: [], secrets: new Map(), watch: unwatched, hide: () => 0, mask: (text: string) => text },
      images: [{ ...newImageRun(recipe), digest, reusedFrom }],
    };
  }

  async function run(attesting: Attesting): Promise<readonly string[]> {
    const one = runOf(attesting);
    await attestImages(one);
    return one.images.flatMap(({ attestations }) => attestations.map(({ type, digest }) => `${type} ${digest}`));
  }

  async function beside(digest: string): Promise<readonly SignedStatement[]> {
    return attest.attestations.find(image, digest, never);
  }

  const invocations = async (digest: string) =>
    (await beside(digest))
      .filter(({ type }) => type === "provenance")
      .map(({ statement }) => JSON.stringify(statement.predicate).match(/builds\/\d+\/attempts\/\d+/)?.[0]);

  it("says nothing twice of an image that an earlier attempt has attested", async () => {
    const digest = await pushTinyImage(lab, image, "attempts");
    const first = await run({ id: 1, digest });
    expect(first.map((one) => one.split(" ")[0])).to.deep.equal(["provenance", "sbom"]);
    expect(await run({ id: 1, attempt: 2, digest })).to.deep.equal(first);
    expect(await invocations(digest)).to.deep.equal(["builds/1/attempts/1"]);
  });

  it("adds a provenance when another build has made the very same image, and no second SBOM", async () => {
    const digest = await pushTinyImage(lab, image, "again");
    await run({ id: 1, digest });
    await run({ id: 2, digest });
    expect(await invocations(digest)).to.deep.equal(["builds/1/attempts/1", "builds/2/attempts/1"]);
    expect(await beside(digest)).to.have.length(3);
  });

  it("leaves what was said of an image that was reused, and records it", async () => {
    const digest = await pushTinyImage(lab, image, "reused");
    const first = await run({ id: 1, digest });
    expect(await run({ id: 2, digest, reusedFrom: 1 })).to.deep.equal(first);
    expect(await invocations(digest)).to.deep.equal(["builds/1/attempts/1"]);
  });

  it("makes up for what is missing of an image that was reused, and says that it was", async () => {
    const digest = await pushTinyImage(lab, image, "unattested");
    await run({ id: 2, digest, reusedFrom: 1 });
    const [provenance] = await beside(digest);
    const reusedFrom = "buildDefinition.internalParameters.reusedFrom";
    expect(provenance?.statement.predicate).to.have.nested.property(reusedFrom, 1);
  });

  it("writes nothing once the lease has ended", async () => {
    const digest = await pushTinyImage(lab, image, "lost");
    const confirm = () => Promise.reject(new AppError("unavailable", "taken over"));
    await fails(run({ id: 1, digest, confirm }), "unavailable", "taken over");
    expect(await beside(digest)).to.deep.equal([]);
  });
});
