import { expect } from "chai";
import { matchesBranch } from "../../ci-server/core/branch-pattern.ts";
import type { Build } from "../../ci-server/core/build.ts";
import { AppError, errorCodes, toAppError } from "../../ci-server/core/errors.ts";
import { imagePath, isDigest, isTag } from "../../ci-server/core/image-ref.ts";
import { plan } from "../../ci-server/core/plan.ts";
import type { Recipe } from "../../ci-server/core/recipe.ts";
import { resultOf } from "../../ci-server/core/result.ts";
import { retryDelayMs } from "../../ci-server/core/retry.ts";
import { usualService } from "../../ci-server/core/service.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

describe("a branch pattern", () => {
  it("is a whole name, in which * stays within a segment and ** does not", () => {
    expect(matchesBranch(["main"], "main")).to.equal(true);
    expect(matchesBranch(["main"], "domain")).to.equal(false);
    expect(matchesBranch(["release/*"], "release/1.2")).to.equal(true);
    expect(matchesBranch(["release/*"], "release/1/2")).to.equal(false);
    expect(matchesBranch(["release/**"], "release/1/2")).to.equal(true);
  });

  it("takes all other signs as they are", () => {
    expect(matchesBranch(["v1.x"], "v1ax")).to.equal(false);
    expect(matchesBranch(["a+(b)"], "a+(b)")).to.equal(true);
  });
});

describe("an image's name", () => {
  it("is the repository's for the service of that name, and below it for others", () => {
    expect(imagePath("Acme/Shop", "shop")).to.equal("acme/shop");
    expect(imagePath("acme/shop", "cart")).to.equal("acme/shop/cart");
  });

  it("is refused when a registry would refuse it", () => {
    expect(() => imagePath("acme/-shop", "x")).to.throw(AppError, '"acme/-shop/x" cannot be an image name');
  });

  it("has tags and digests of a known grammar", () => {
    for (const tag of ["1.4.2", "sha-abc1234", "_x", "a".repeat(128)]) expect(isTag(tag), tag).to.equal(true);
    for (const tag of ["", ".1", "-1", "a b", "a/b", "a:b", "ä", "a".repeat(129)])
      expect(isTag(tag), tag).to.equal(false);
    expect(isDigest(`sha256:${"0".repeat(64)}`)).to.equal(true);
    expect(isDigest(`sha256:${"0".repeat(63)}`)).to.equal(false);
    expect(isDigest(`sha256:${"0".repeat(64)}\n`)).to.equal(false);
  });
});

describe("a plan", () => {
  const repository = exampleRepository();
  const services = [usualService("shop"), { ...usualService("cart"), context: "cart", dockerfile: "Dockerfile.prod" }];
  const commit = { sha: "0123456789".repeat(4), committedAt: new Date("2026-11-02T03:04:05Z") };
  const merge: Build = {
    ...{
      id: 1,
      repository: "acme/shop",
      trigger: "pull_request",
      sha: commit.sha,
      ref: "main",
      service: null,
      version: null,
    },
    pullRequest: { number: 7, title: "t", url: "u", author: "ada", mergedBy: "bob" },
    ...{
      deliveryGuid: "guid-1",
      createdAt: new Date(),
      startedAt: null,
      finishedAt: null,
      attempts: 1,
      cancelReason: null,
      merge: null,
      skipReason: null,
      plan: null,
      result: null,
    },
    ...{ failure: null, stages: [], images: [], logRemovedAt: null },
  };

  function recipesOf(build: Build): readonly Recipe[] {
    return plan({ build, repository, about: exampleAbout, services, commit, changed: null, isThere: () => false })
      .recipes;
  }

  it("has a recipe for each service of a merge, tagged by pull request and commit, and latest", () => {
    const [shop, cart] = recipesOf(merge);
    expect(shop).to.include({ service: "shop", image: "acme/shop", context: ".", type: "docker" });
    expect(shop?.tags).to.deep.equal(["pr-7", "latest", "sha-0123456"]);
    expect(shop).to.deep.include({ fixedTags: [], forwardTags: ["latest"], tagNotes: [] });
    expect(cart).to.include({ image: "acme/shop/cart", context: "cart", dockerfile: "Dockerfile.prod" });
  });

  it("labels the image with where it comes from", () => {
    const [shop] = recipesOf(merge);
    expect(shop?.annotations).to.deep.equal(shop?.labels);
    expect(shop?.labels).to.deep.equal({
      "org.opencontainers.image.created": "2026-11-02T03:04:05.000Z",
      "org.opencontainers.image.source": "https://forge.test/acme/shop",
      "org.opencontainers.image.url": "https://forge.test/acme/shop",
      "org.opencontainers.image.version": "pr-7",
      "org.opencontainers.image.revision": commit.sha,
      "org.opencontainers.image.title": "shop",
      "org.opencontainers.image.description": "Sells things",
      "org.opencontainers.image.licenses": "MIT",
      "dev.mergedock.repository": "acme/shop",
      "dev.mergedock.pull-request": "7",
      "dev.mergedock.merged-by": "bob",
      "dev.mergedock.delivery": "guid-1",
    });
  });

  it("has the one service that was asked for by hand, tagged with its version", () => {
    const manual: Build = {
      ...merge,
      trigger: "manual",
      pullRequest: null,
      deliveryGuid: null,
      service: "cart",
      version: "1.4.2",
    };
    const recipes = recipesOf(manual);
    expect(recipes.map(({ service, tags }) => [service, ...tags])).to.deep.equal([["cart", "1.4.2", "sha-0123456"]]);
    expect(recipes[0]?.labels).to.include({ "org.opencontainers.image.version": "1.4.2" });
  });

  it("fails when the commit has no such service, and says which it has", () => {
    expect(() => recipesOf({ ...merge, service: "gone" })).to.throw(
      AppError,
      'acme/shop has no service "gone" in this commit; it has: shop, cart',
    );
  });
});

describe("trouble", () => {
  it("is tried again only when it may pass, after twice the wait, a limited number of times", () => {
    const policy = { attempts: 4, delayMs: 100, delayMsMax: 300 };
    const passing = new AppError("unavailable", "");
    expect([1, 2, 3, 4].map((attempt) => retryDelayMs(policy, attempt, passing))).to.deep.equal([100, 200, 300, null]);
    const limited = new AppError("rate_limited", "", { details: { retryAfterMs: 900 } });
    expect(retryDelayMs(policy, 1, limited)).to.equal(900);
    for (const code of errorCodes.filter((known) => known !== "unavailable" && known !== "rate_limited")) {
      expect(retryDelayMs(policy, 1, new AppError(code, "")), code).to.equal(null);
    }
  });

  it("gives a build the user's failure or our error", () => {
    expect(["build_failed", "invalid", "conflict"].map((code) => resultOf(code as "invalid"))).to.deep.equal([
      "failure",
      "failure",
      "failure",
    ]);
    expect(["unavailable", "internal", "unauthorized"].map((code) => resultOf(code as "internal"))).to.deep.equal([
      "error",
      "error",
      "error",
    ]);
    expect([resultOf("timeout"), resultOf("cancelled")]).to.deep.equal(["timeout", "cancellation"]);
  });

  it("without a code is internal and keeps its cause", () => {
    const thrown = new TypeError("x is undefined");
    expect(toAppError(thrown)).to.include({ code: "internal", cause: thrown });
    expect(toAppError("text").message).to.equal("text");
  });
});
