// What core/ports/bases.ts promises of BaseLedger, and core/ports/store.ts of madeImage, on PostgreSQL.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import type { BaseImage, BuildRequest, Image } from "../../ci-server/core/build.ts";
import type { Store, WatchedImage } from "../../ci-server/core/ports.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { fails } from "../helpers/failure.ts";

describe("BaseLedger on PostgreSQL", function () {
  this.timeout(20_000);
  let folder: string;
  let opened: OpenPostgres;
  let store: Store;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "ledger-"));
    opened = await openPostgres(examplePostgres(folder, { limits: { perRepositoryMax: 20, inAllMax: 1_000 } }));
    store = opened.store;
  });
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const node: BaseImage = { reference: "node:24", digest: "sha256:old" };

  interface Made {
    readonly repository: string;
    readonly number: number;
    readonly image?: Partial<Image>;
    readonly request?: Partial<BuildRequest>;
    readonly result?: "success" | "failure";
  }

  /** A build of a merge that has ended, with one image. */
  async function made({ repository, number, image = {}, request = {}, result = "success" }: Made): Promise<number> {
    const pullRequest = { number, title: "t", url: "u", author: "ada", mergedBy: null };
    const rest = { sha: String(number).repeat(40), ref: "main", service: null, version: null, deliveryGuid: null };
    const id = await store.request({ repository, trigger: "manual", pullRequest, ...rest, ...request }, null);
    await store.begin(id);
    const bare: Image = {
      ...{
        service: "shop",
        reference: "r",
        path: repository,
        digest: "sha256:d",
        tags: [],
        bytes: 1,
        imageId: "sha256:i",
      },
      ...{ key: null, reusedFrom: null, fixedTags: [], bases: [node], destinations: [], attestations: [] },
    };
    await store.finish({ buildId: id, attempt: 1 }, { result, failure: null, images: [{ ...bare, ...image }] });
    return id;
  }

  async function watched(repository: string): Promise<WatchedImage> {
    const [image] = await store.watchedImages([repository]);
    if (image === undefined) throw new Error(`nothing of ${repository} is watched`);
    return image;
  }

  it("finds the newest image of a path that was made of the same, and by which build", async () => {
    const of = (number: number, image: Partial<Image>) => made({ repository: "made/shop", number, image });
    const first = await of(1, { key: "k", digest: "sha256:1", imageId: "sha256:i1" });
    expect(await store.madeImage("made/shop", "k")).to.deep.equal({
      ...{ buildId: first, digest: "sha256:1", imageId: "sha256:i1" },
    });
    await of(2, { key: "other", digest: "sha256:2" });
    await of(3, { key: "k", digest: "sha256:1", reusedFrom: first });
    expect(await store.madeImage("made/shop", "k")).to.include({ buildId: first });
    const anew = await of(4, { key: "k", digest: "sha256:4" });
    expect(await store.madeImage("made/shop", "k")).to.include({ buildId: anew, digest: "sha256:4" });
    await opened.pool.query("update image set removed_at = now() where build_id = $1", [anew]);
    expect(await store.madeImage("made/shop", "k")).to.include({ buildId: first });
  });

  it("finds nothing of another repository, however much the same it is", async () => {
    await made({ repository: "mine/shop", number: 1, image: { key: "k2" } });
    expect(await store.madeImage("yours/shop", "k2")).to.equal(null);
    expect(await store.madeImage("mine/shop", "k3")).to.equal(null);
  });

  it("watches the newest merge of each branch and service, by its last good build", async () => {
    const repository = "watch/shop";
    const old = { repository, number: 1 };
    await made(old);
    const newest = await made({ repository, number: 2 });
    await made({ repository, number: 3, result: "failure" });
    // Built again later, and yet no newer merge.
    await made(old);
    const release = await made({ repository, number: 4, request: { ref: "release/1" } });
    const cart = await made({ repository, number: 1, image: { service: "cart" } });
    const images = await store.watchedImages(["Watch/Shop"]);
    const found = images.map(({ buildId, ref, service }) => ({ buildId, ref, service }));
    expect(found).to.have.deep.members([
      { buildId: newest, ref: "main", service: "shop" },
      { buildId: release, ref: "release/1", service: "shop" },
      { buildId: cart, ref: "main", service: "cart" },
    ]);
    const again = await made({ repository, number: 2, image: { bases: [{ ...node, digest: "sha256:new" }] } });
    const shop = (await store.watchedImages([repository])).find(
      (image) => image.ref === "main" && image.service === "shop",
    );
    expect(shop).to.deep.include({ buildId: again, sha: "2".repeat(40), path: repository });
    expect(shop?.bases).to.deep.equal([{ reference: "node:24", digest: "sha256:new" }]);
  });

  it("watches nothing without bases, without a pull request, or of a repository that is not asked for", async () => {
    await made({ repository: "bare/shop", number: 1, image: { bases: [] } });
    await made({ repository: "hand/shop", number: 1, request: { pullRequest: null } });
    await made({ repository: "gone/shop", number: 1 });
    expect(await store.watchedImages(["bare/shop", "hand/shop"])).to.deep.equal([]);
  });

  it("gives a round to one of all that ask, once in its time", async () => {
    const claims = await Promise.all(Array.from({ length: 10 }, () => store.claimBaseRound(3_600)));
    expect(claims.filter((one) => one)).to.have.length(1);
    expect(await store.claimBaseRound(3_600)).to.equal(false);
    await opened.pool.query("update base_round set begun_at = now() - interval '1 hour'");
    expect(await store.claimBaseRound(3_600)).to.equal(true);
  });

  const changed = { reference: "node:24", digest: "sha256:new" };

  it("stores one build for one change, however many ask at once and however often", async () => {
    await made({ repository: "once/shop", number: 1, request: { deliveryGuid: "a guid" } });
    const image = await watched("once/shop");
    const ask = () => store.rebuildBase({ image, bases: [changed] });
    const ids = (await Promise.all(Array.from({ length: 10 }, ask))).filter((id) => id !== null);
    expect(ids).to.have.length(1);
    expect(await ask()).to.equal(null);
    expect(await store.build(ids[0] ?? 0)).to.deep.include({
      ...{ trigger: "base_image", sha: "1".repeat(40), ref: "main", service: "shop", version: null },
      ...{ deliveryGuid: "a guid", result: null, noCache: false },
    });
    expect((await store.build(ids[0] ?? 0))?.pullRequest).to.include({ number: 1 });
  });

  it("stores one build for two bases that changed, and one more for a further change", async () => {
    await made({ repository: "two/shop", number: 1 });
    const image = await watched("two/shop");
    const other = { reference: "alpine:3", digest: "sha256:a" };
    expect(await store.rebuildBase({ image, bases: [changed, other] })).to.be.a("number");
    expect(await store.rebuildBase({ image, bases: [changed, other] })).to.equal(null);
    const third = { ...other, digest: "sha256:b" };
    expect(await store.rebuildBase({ image, bases: [changed, third] })).to.be.a("number");
  });

  it("takes a base that went back and forth for a change again", async () => {
    const repository = "flip/shop";
    await made({ repository, number: 1 });
    expect(await store.rebuildBase({ image: await watched(repository), bases: [changed] })).to.be.a("number");
    await made({ repository, number: 1, image: { bases: [changed] } });
    expect(await store.rebuildBase({ image: await watched(repository), bases: [node] })).to.be.a("number");
    await made({ repository, number: 1, image: { bases: [node] } });
    const image = await watched(repository);
    const ids = await Promise.all([1, 2, 3].map(() => store.rebuildBase({ image, bases: [changed] })));
    expect(ids.filter((id) => id !== null)).to.have.length(1);
  });

  it("notes nothing of a change whose build the queue has no room for", async () => {
    const repository = "full/shop";
    await made({ repository, number: 1 });
    const image = await watched(repository);
    const manual = { repository, trigger: "manual", sha: null, ref: "main", service: null, version: null } as const;
    const ids: number[] = [];
    for (let count = 0; count < 20; count += 1)
      ids.push(await store.request({ ...manual, pullRequest: null, deliveryGuid: null }, null));
    await fails(store.rebuildBase({ image, bases: [changed] }), "unavailable", "queue full");
    await store.cancel(ids[0] ?? 0, "room");
    expect(await store.rebuildBase({ image, bases: [changed] })).to.be.a("number");
  });
});
