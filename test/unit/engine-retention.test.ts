// The rules of core/engine-retention.ts: what of an engine is ours, and what of that may go.

import { expect } from "chai";
import {
  type EngineImage,
  type EnginePolicy,
  type EngineStock,
  judgeEngine,
} from "../../ci-server/core/engine-retention.ts";

const now = new Date("2026-06-01T00:00:00Z");
const policy: EnginePolicy = { pushHost: "localhost:5000", imagesMax: 3, isUrgent: false };

const ended = [1, 2, 3, 4, 5, 6].map((id) => ({ id, repository: "acme/shop", endedAt: now }));
const open = [{ id: 1, repository: "acme/shop", endedAt: null }];

/** Of acme/shop; the higher the number, the newer. */
function image(build: number, change: Partial<EngineImage> = {}): EngineImage {
  const createdAt = new Date(now.getTime() - (100 - build) * 24 * 3600 * 1000);
  const tags = [`localhost:5000/acme/shop:build-${build}`];
  return { id: `sha256:${build}`, tags, hasDigests: true, createdAt, bytes: 10, ...change };
}

function stock(images: readonly EngineImage[], change: Partial<EngineStock> = {}): EngineStock {
  return { images, containers: [], builds: ended, knownIds: new Set(), now, ...change };
}

function gone(given: EngineStock, rules: Partial<EnginePolicy> = {}): string[] {
  const verdicts = judgeEngine(given, { ...policy, ...rules });
  return verdicts.filter(({ verdict }) => verdict === "remove").map(({ image: { id } }) => id);
}

function reason(given: EngineStock, id: string, rules: Partial<EnginePolicy> = {}): string {
  const found = judgeEngine(given, { ...policy, ...rules }).find(({ image }) => image.id === id);
  return `${found?.verdict}: ${found?.reason}`;
}

const six = [1, 2, 3, 4, 5, 6].map((build) => image(build));
const young = six.map((one, index) => ({ ...one, createdAt: new Date(now.getTime() - 1_000 + index) }));

describe("the retention of images on an engine", () => {
  it("removes the oldest until there are not more than may be", () => {
    expect(gone(stock(six))).to.deep.equal(["sha256:3", "sha256:2", "sha256:1"]);
    expect(reason(stock(six), "sha256:4")).to.equal("keep: there are not more than 3 (limits.engine_images_max)");
    expect(gone(stock(six), { imagesMax: 6 })).to.deep.equal([]);
  });

  it("keeps the newest of each service as a base for the cache, however little room there is", () => {
    const carts = six.map((one, index) => ({
      ...one,
      id: `cart ${index}`,
      tags: [`localhost:5000/acme/cart:build-${index}`],
    }));
    expect(gone(stock([...six, ...carts]), { imagesMax: 0 })).to.have.length(8);
    expect(reason(stock(six), "sha256:6", { imagesMax: 0 })).to.equal(
      "keep: among the newest 2 of localhost:5000/acme/shop",
    );
  });

  const kept: readonly [string, EngineStock, string][] = [
    [
      "what a running container uses",
      stock(six, { containers: [{ name: "web", imageId: "sha256:1", isRunning: true }] }),
      "container web (running) uses it",
    ],
    [
      "what a stopped container uses",
      stock(six, { containers: [{ name: "web", imageId: "sha256:1", isRunning: false }] }),
      "container web (stopped) uses it",
    ],
    ["what a build is about to push", stock(six, { builds: open }), "build 1 has not ended"],
    [
      "an image of a stranger that is FROM one of ours and has its label",
      stock([image(1, { tags: ["localhost:5000/acme/shop:mine", "web:dev"] }), ...six.slice(1)]),
      "it has no tag that a build has put",
    ],
    [
      "an image of another registry's name",
      stock([image(1, { tags: ["localhost:5001/acme/shop:build-1"] }), ...six.slice(1)]),
      "it has no tag that a build has put",
    ],
    [
      "what somebody has pulled by its digest",
      stock([image(1, { tags: [] }), ...six.slice(1)], { knownIds: new Set(["sha256:1"]) }),
      "somebody has pulled it by its digest",
    ],
    [
      "what has no name and is in no history",
      stock([image(1, { tags: [], hasDigests: false }), ...six.slice(1)]),
      "it has no tag, and the history does not know it",
    ],
    [
      "what is younger than an hour and may be another installation's",
      stock(young, { builds: [{ id: 1, repository: "acme/other", endedAt: now }, ...ended.slice(1)] }),
      "younger than an hour, and no build on record",
    ],
  ];
  for (const [what, given, why] of kept) {
    it(`keeps ${what}`, () => expect(reason(given, "sha256:1", { imagesMax: 0 })).to.equal(`keep: ${why}`));
  }

  it("removes what has lost its last tag, if the history knows it", () => {
    const given = stock([image(1, { tags: [], hasDigests: false })], { knownIds: new Set(["sha256:1"]) });
    expect(reason(given, "sha256:1", { imagesMax: 300 })).to.equal("remove: it has lost its last tag");
  });

  it("takes our tags off what has a stranger's too, and leaves that one", () => {
    const shared = image(1, { tags: ["localhost:5000/acme/shop:build-1", "web:dev"] });
    const verdict = judgeEngine(stock([shared, ...six.slice(1)]), policy).find(({ image }) => image === shared);
    expect(verdict).to.deep.include({ verdict: "remove", tags: ["localhost:5000/acme/shop:build-1"] });
  });

  it("T26: leaves nothing but what is used and the newest when the disk is nearly full", () => {
    const containers = [{ name: "web", imageId: "sha256:2", isRunning: true }];
    const given = stock(young, { containers, builds: [] });
    expect(gone(given, { imagesMax: 300, isUrgent: true })).to.deep.equal(["sha256:4", "sha256:3", "sha256:1"]);
    expect(gone(given, { imagesMax: 300 })).to.deep.equal([]);
  });
});
