// The rules of core/retention.ts: one table of all that keeps an image, and the promise that nothing else is ever true.

import { expect } from "chai";
import fc from "fast-check";
import { guessTags, type NamedTag, type PathStock, type RecordedImage } from "../../ci-server/core/registry-stock.ts";
import { judgePath, type RetentionPolicy } from "../../ci-server/core/retention.ts";
import { isFullVersion } from "../../ci-server/core/tags/evaluate.ts";

const now = new Date("2026-06-01T00:00:00Z");
const policy: RetentionPolicy = { keepLast: 2, youngerThanDays: 14, keepTags: ["stable-*"] };

function daysAgo(days: number): Date {
  return new Date(now.getTime() - days * 24 * 3600 * 1000);
}

function digestOf(word: string): string {
  return `sha256:${Buffer.from(word).toString("hex").padStart(64, "0")}`;
}

/** Old, of main, and with the tags that every build puts; build 7 is of the commit 7. */
function image(buildId: number, change: Partial<RecordedImage> = {}): RecordedImage {
  return {
    ...{ buildId, repository: "acme/shop", ref: "main", service: "shop", path: "acme/shop", bytes: 10 },
    ...{ digest: digestOf(`image ${buildId}`), imageId: digestOf(`id ${buildId}`) },
    ...{ tags: [`sha-000000${buildId}`], fixedTags: [], pushedAt: daysAgo(100), isLeaving: false },
    ...change,
  };
}

/** What the registry has when nobody but builds has put tags: theirs, and the attempt's. */
function tagsOf(images: readonly RecordedImage[]): NamedTag[] {
  const named = images.flatMap(({ buildId, digest, tags }) =>
    [...tags, `build-${buildId}`].map((tag) => [tag, digest] as const),
  );
  return [...new Map(named)].map(([tag, digest]) => ({ tag, digest }));
}

function stock(images: readonly RecordedImage[], change: Partial<PathStock> = {}): PathStock {
  const builds = images.map(({ buildId: id, repository, pushedAt: endedAt }) => ({ id, repository, endedAt }));
  return { path: "acme/shop", images, tags: tagsOf(images), running: [], builds, now, ...change };
}

/** Numbers of the builds whose images go. */
function gone(given: PathStock, rules: RetentionPolicy = policy): number[] {
  const { manifests } = judgePath(given, rules);
  return manifests.filter(({ verdict }) => verdict === "remove").flatMap(({ builds }) => builds);
}

function reasonOf(given: PathStock, buildId: number, rules: RetentionPolicy = policy): string {
  return judgePath(given, rules).manifests.find(({ builds }) => builds.includes(buildId))?.reason ?? "";
}

const five = [1, 2, 3, 4, 5].map((id) => image(id));
const with1 = (change: Partial<RecordedImage>) => stock([image(1, change), ...five.slice(1)]);
const moved = (tag: string) => stock(five, { tags: [...tagsOf(five), { tag, digest: image(1).digest }] });

describe("the retention of images in the registry", () => {
  it("removes what is old and not among the last of its branch, and says so", () => {
    expect(gone(stock(five))).to.deep.equal([3, 2, 1]);
    expect(reasonOf(stock(five), 1)).to.equal("not younger than 14 days, and not among the last 2 of shop on main");
    expect(reasonOf(stock(five), 5)).to.equal("among the last 2 of shop on main");
  });

  const kept: readonly [string, PathStock, string][] = [
    ["what is younger than so many days", with1({ pushedAt: daysAgo(13) }), "younger than 14 days"],
    ["the last of another branch", with1({ ref: "release/1" }), "among the last 2 of shop on release/1"],
    ["the last of another service", with1({ service: "cart" }), "among the last 2 of cart on main"],
    ["a version", with1({ tags: ["1.2.3"] }), "1.2.3 is a version"],
    ["a version with a v and a pre-release", with1({ tags: ["v2.0.0-rc.1"] }), "v2.0.0-rc.1 is a version"],
    [
      "what a pattern of the operator names",
      with1({ tags: ["stable-2"] }),
      "stable-2 fits retention.keep_tags (stable-*)",
    ],
    ["what somebody has tagged by hand", moved("handmade"), "no build has put the tag handmade on it"],
    ["what somebody has gone back to", moved("sha-0000005"), "no build has put the tag sha-0000005 on it"],
    [
      "what runs, known by the manifest",
      stock(five, { running: [{ id: image(1).digest, where: "node a" }] }),
      "node a uses it",
    ],
    [
      "what runs, known by the engine's id",
      stock(five, { running: [{ id: image(1).imageId, where: "container web (running)" }] }),
      "container web (running) uses it",
    ],
  ];
  for (const [what, given, reason] of kept) {
    it(`keeps ${what}`, () => {
      expect(reasonOf(given, 1)).to.equal(reason);
      expect(gone(given)).to.not.include(1);
    });
  }

  it("keeps what a build has put as a version, however it looks", () => {
    expect(gone(with1({ tags: ["shop-1.2"] }))).to.include(1);
    expect(gone(with1({ tags: ["shop-1.2"], fixedTags: ["shop-1.2"] }))).not.to.include(1);
  });

  it("takes no floating tag for a version", () => {
    const floating = ["latest", "1", "1.2", "main", "pr-3", "sha-1234567", "build-7", "2026-01-01"];
    expect(floating.filter(isFullVersion)).to.deep.equal([]);
    expect(gone(with1({ tags: ["1.2"] }))).to.include(1);
  });

  it("keeps an image that several builds have as long as one of them keeps it", () => {
    const shared = image(6, { digest: image(1).digest, imageId: "", tags: ["sha-0000006"] });
    expect(gone(stock([...five, shared]))).to.deep.equal([4, 3, 2]);
    expect(reasonOf(stock([...five, shared]), 1)).to.equal("among the last 2 of shop on main");
  });

  it("counts different images: merges that changed nothing push none out", () => {
    const same = [6, 7, 8].map((id) => image(id, { digest: image(5).digest }));
    expect(gone(stock([...five, ...same]))).to.deep.equal([3, 2, 1]);
  });

  it("removes no image for its age until the operator says how many are kept", () => {
    expect(gone(stock(five), { ...policy, keepLast: null })).to.deep.equal([]);
  });

  it("ends a removal that was begun, unless something keeps the image by now", () => {
    const leaving = image(5, { isLeaving: true, pushedAt: now });
    const given = stock([...five.slice(0, 4), leaving]);
    expect(gone(given)).to.deep.equal([5, 2, 1]);
    expect(reasonOf(given, 5)).to.equal("its removal was begun before");
    expect(gone(given, { ...policy, keepLast: null })).to.deep.equal([5]);
    const running = [{ id: leaving.digest, where: "node a" }];
    expect(gone({ ...given, running })).to.deep.equal([2, 1]);
  });

  it("does not list what somebody else has put beside ours", () => {
    const strange = { tag: "theirs", digest: digestOf("theirs") };
    const alone = stock([], { tags: [strange, { tag: "build-99", digest: digestOf("another database") }] });
    expect(judgePath(alone, policy)).to.deep.equal({ manifests: [], tags: [] });
  });
});

describe("the retention of the attempts' tags", () => {
  const digest = digestOf("left");
  const build = { id: 9, repository: "acme/shop", endedAt: daysAgo(1) };

  function verdicts(given: Partial<PathStock>): string[] {
    const { manifests, tags } = judgePath(stock([], { builds: [build], ...given }), policy);
    const all = [
      ...manifests.map((one) => ({ ...one, what: one.tags.join() })),
      ...tags.map((one) => ({ ...one, what: one.tag })),
    ];
    return all.map(({ what, verdict }) => `${verdict} ${what}`);
  }

  it("removes what attempts have pushed that became no image", () => {
    const tags = ["build-9", "build-9-2"].map((tag) => ({ tag, digest }));
    expect(verdicts({ tags })).to.deep.equal(["remove build-9,build-9-2"]);
  });

  it("leaves it while its build runs, an hour longer, and where it is used or has another name", () => {
    const tags = [{ tag: "build-9", digest }];
    expect(verdicts({ tags, builds: [{ ...build, endedAt: null }] })).to.deep.equal(["keep build-9"]);
    expect(verdicts({ tags, builds: [{ ...build, endedAt: new Date(now.getTime() - 3599_000) }] })).to.deep.equal([
      "keep build-9",
    ]);
    expect(verdicts({ tags, running: [{ id: digest, where: "node a" }] })).to.deep.equal(["keep build-9"]);
    expect(verdicts({ tags: [...tags, { tag: "theirs", digest }] })).to.deep.equal([]);
    expect(verdicts({ tags, builds: [{ ...build, repository: "acme/other" }] })).to.deep.equal([]);
  });

  it("keeps one as the name that does not move of an image that stays, and removes the others", () => {
    const made = image(9, { digest, pushedAt: daysAgo(1), tags: ["latest"] });
    const tags = ["latest", "build-9-2", "build-9"].map((tag) => ({ tag, digest }));
    expect(verdicts({ images: [made], tags })).to.deep.equal(["keep latest,build-9-2,build-9", "remove build-9-2"]);
    const version = [...tags, { tag: "1.0.0", digest }];
    const removed = verdicts({ images: [{ ...made, tags: ["1.0.0"] }], tags: version }).slice(1);
    expect(removed).to.deep.equal(["remove build-9", "remove build-9-2"]);
  });
});

describe("the guess at what tags name", () => {
  it("is what the newest image on record says, so that a path that needs nothing is not asked for each tag", () => {
    const images = [image(1, { tags: ["latest"] }), image(2, { tags: ["latest", "sha-2"] })];
    const { tags: _tags, ...known } = stock(images);
    const named = new Map(
      guessTags(known, ["latest", "sha-2", "build-1", "odd"]).map(({ tag, digest }) => [tag, digest]),
    );
    expect([...named.values()]).to.deep.equal([image(2).digest, image(2).digest, image(1).digest, "unknown:odd"]);
  });
});

/** Everything that a rule can look at, in small numbers so that the cases meet. */
const anyStock: fc.Arbitrary<PathStock> = fc
  .record({
    // A build has one image under a path.
    images: fc.uniqueArray(
      fc.record({
        buildId: fc.integer({ min: 1, max: 12 }),
        digest: fc.constantFrom("a", "b", "c", "d", "e").map(digestOf),
        ref: fc.constantFrom("main", "release/1", null),
        service: fc.constantFrom("shop", "cart"),
        imageId: fc.constantFrom("", digestOf("x"), digestOf("y")),
        tags: fc.subarray(["latest", "1.2.3", "stable-1", "sha-1", "pr-1"]),
        pushedAt: fc.integer({ min: 0, max: 40 }).map(daysAgo),
        fixedTags: fc.subarray(["1.2.3"]),
        isLeaving: fc.boolean(),
      }),
      { maxLength: 12, selector: ({ buildId }) => buildId },
    ),
    tags: fc.dictionary(
      fc.constantFrom(
        "latest",
        "1.2.3",
        "v9.9.9",
        "stable-1",
        "sha-1",
        "pr-1",
        "handmade",
        "build-1",
        "build-2-2",
        "build-99",
      ),
      fc.constantFrom("a", "b", "c", "d", "e", "f").map(digestOf),
    ),
    running: fc.subarray([digestOf("a"), digestOf("x"), digestOf("f")]),
    open: fc.subarray([1, 2]),
  })
  .map(({ images, tags, running, open }) =>
    stock(
      images.map((one) => image(one.buildId, one)),
      {
        tags: Object.entries(tags).map(([tag, digest]) => ({ tag, digest })),
        running: running.map((id) => ({ id, where: "node a" })),
        builds: [1, 2].map((id) => ({ id, repository: "acme/shop", endedAt: open.includes(id) ? null : daysAgo(3) })),
      },
    ),
  );

describe("whatever the stock", () => {
  it("never removes an image that any rule keeps, nor a tag that is not an attempt's", () => {
    fc.assert(
      fc.property(anyStock, fc.constantFrom(1, 2, 3, null), (given, keepLast) => {
        const rules = { ...policy, keepLast };
        const { manifests, tags } = judgePath(given, rules);
        for (const { digest, verdict } of manifests) {
          if (verdict === "remove") expect(whatKeeps(given, rules, digest), digest).to.deep.equal([]);
        }
        for (const { tag, digest } of tags) {
          expect(tag).to.match(/^build-[12](-\d+)?$/);
          const rest = given.tags.filter((one) => one.digest === digest && !tags.some((gone) => gone.tag === one.tag));
          expect(rest.some((one) => /^build-/.test(one.tag) || isFullVersion(one.tag))).to.equal(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("removes every recorded image that no rule keeps", () => {
    fc.assert(
      fc.property(anyStock, (given) => {
        const removed = judgePath(given, policy).manifests.filter(({ verdict }) => verdict === "remove");
        const digests = new Set(given.images.map(({ digest }) => digest));
        const free = [...digests].filter((digest) => whatKeeps(given, policy, digest).length === 0);
        expect(removed.map(({ digest }) => digest)).to.include.members(free);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The rules once more, each on its own and as plainly as they are said. */
function whatKeeps(
  { images, tags, running, builds }: PathStock,
  { keepLast, keepTags: _ }: RetentionPolicy,
  digest: string,
) {
  const rows = images.filter((one) => one.digest === digest);
  const names = tags.filter((one) => one.digest === digest).map(({ tag }) => tag);
  const staying = rows.filter(({ isLeaving }) => !isLeaving);
  const isLast = (row: RecordedImage) => {
    const same = images.filter((one) => !one.isLeaving && one.ref === row.ref && one.service === row.service);
    const newer = same.filter((one) => one.buildId > row.buildId && one.digest !== digest);
    return new Set(newer.map((one) => one.digest)).size < (keepLast ?? 0);
  };
  const isStrange = (tag: string) => {
    const number = /^build-(\d+)/.exec(tag)?.[1];
    if (number !== undefined) return !builds.some(({ id }) => id === Number(number));
    const owners = images.filter((one) => one.tags.includes(tag)).sort((one, other) => other.buildId - one.buildId);
    return !owners.filter((one) => one.buildId === owners[0]?.buildId).some((one) => one.digest === digest);
  };
  const openIds = builds.filter(({ endedAt }) => endedAt === null).map(({ id }) => id);
  return [
    names.some((tag) => ["1.2.3", "v9.9.9"].includes(tag)) && "version",
    names.some((tag) => tag.startsWith("stable-")) && "pattern",
    names.some(isStrange) && "strange",
    running.some(({ id }) => id === digest || rows.some(({ imageId }) => imageId === id)) && "running",
    staying.some(({ pushedAt }) => pushedAt > daysAgo(14)) && "young",
    staying.length > 0 && keepLast === null && "off",
    staying.some(isLast) && "last",
    rows.length === 0 && names.some((tag) => openIds.some((id) => tag === `build-${id}`)) && "open",
  ].filter((one) => one !== false);
}
