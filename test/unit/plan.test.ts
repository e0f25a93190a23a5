// Which images of a repository with several of them a merge builds, and what is told of the others.

import { expect } from "chai";
import type { Build } from "../../ci-server/core/build.ts";
import { judgePaths } from "../../ci-server/core/judge-paths.ts";
import { servicesRule } from "../../ci-server/core/judge-services.ts";
import { neededArgument } from "../../ci-server/core/needs.ts";
import { type Plan, plan } from "../../ci-server/core/plan.ts";
import { type Service, usualService } from "../../ci-server/core/service.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { exampleBuild } from "../helpers/example-build.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const commit = { sha: "a".repeat(40), committedAt: new Date(0) };

function service(name: string, change: Partial<Service> = {}): Service {
  return { ...usualService(name), context: name, paths: [`${name}/**`], ...change };
}

interface Asked {
  readonly files?: readonly string[] | null;
  readonly there?: readonly string[];
  readonly replaced?: readonly number[];
  readonly build?: Partial<Build>;
}

function planOf(services: readonly Service[], { files = [], there = [], replaced = [], build = {} }: Asked): Plan {
  return plan({
    ...{ build: exampleBuild(build), repository: exampleRepository(), about: exampleAbout, services, commit },
    changed: files === null ? null : { files, replaced },
    isThere: (name) => there.includes(name),
  });
}

function toBuild({ recipes }: Plan): string[] {
  return recipes.map((recipe) => recipe.service);
}

function reasons({ verdicts }: Plan): Record<string, string> {
  return Object.fromEntries(verdicts.map((one) => [one.service, `${one.verdict}: ${one.reason}`]));
}

describe("a plan of several images", () => {
  const shop = [service("cart"), service("web", { paths: ["web/**", "!**/*.md"] })];

  it("has those whose paths the merge touched, and says of the others which files missed them", () => {
    const made = planOf(shop, { files: ["cart/a.ts", "web/README.md"] });
    expect(toBuild(made)).to.deep.equal(["cart"]);
    expect(reasons(made)).to.deep.equal({
      cart: "build: 1 changed file: cart/a.ts",
      web: "skip: no changed file matches its paths web/**, !**/*.md; it was 2 changed files: cart/a.ts, web/README.md",
    });
    expect(made.refusal).to.equal(null);
    expect(servicesRule(made.verdicts)).to.deep.equal({
      ...{ rule: "images", passed: true, saw: "to build: cart; as they were: web" },
    });
  });

  it("has none where all were missed, and says so once", () => {
    const made = planOf(shop, { files: ["docs/a.md"] });
    expect([toBuild(made), made.refusal]).to.deep.equal([
      [],
      "no changed file matches the paths of any image (cart, web); it was 1 changed file: docs/a.md",
    ]);
    expect(servicesRule(made.verdicts)).to.include({ passed: false, saw: "to build: none; as they were: cart, web" });
  });

  it("has every image that names no paths, and all of them where the file that lists them was changed", () => {
    expect(reasons(planOf([usualService("shop"), service("cart")], { files: ["x"] })).shop).to.equal(
      "build: it names no paths: every merge builds it",
    );
    const made = planOf(shop, { files: [".mergedock.yml", "cart/a.ts"] });
    expect(reasons(made)).to.deep.equal({
      cart: "build: 1 changed file: cart/a.ts",
      web: "build: .mergedock.yml was changed, which says how it is made",
    });
    expect(servicesRule(made.verdicts)).to.equal(null);
  });

  it("has all of them where nobody knows what was changed", () => {
    expect(toBuild(planOf(shop, { files: null }))).to.deep.equal(["cart", "web"]);
    const made = planOf(shop, { files: ["docs/a.md"], replaced: [3, 4] });
    expect(reasons(made).web).to.equal("build: it is not known what the builds 3, 4 that were superseded changed");
    const many = Array.from({ length: 10_000 }, (_none, index) => `docs/${"x".repeat(200)}${index}`);
    const patterns = Array.from({ length: 100 }, (_none, index) => `${"y".repeat(100)}${index}/**`);
    expect(reasons(planOf([service("cart", { paths: patterns })], { files: many })).cart).to.equal(
      "build: 10000 changed files are too many to be judged",
    );
  });

  it("has the one that was asked for by hand, with its version, and nothing else", () => {
    const build = { trigger: "manual", service: "web", version: "1.4.2", pullRequest: null } as const;
    const made = planOf(shop, { files: null, build });
    expect(reasons(made)).to.deep.equal({ cart: "skip: only web was asked for", web: "build: it was asked for" });
    expect(made.recipes[0]?.tags).to.include("1.4.2");
  });

  it("is refused for a type that nobody can build yet", () => {
    expect(() => planOf([service("vm", { type: "ami" })], { files: ["vm/a"] })).to.throw('vm: images of type "ami"');
    expect(toBuild(planOf([service("vm", { type: "ami" }), service("cart")], { files: ["cart/a"] }))).to.deep.equal([
      "cart",
    ]);
  });
});

describe("a plan of images that need one another", () => {
  const chain = [
    service("web", { needs: ["lib"] }),
    service("lib", { needs: ["base"] }),
    service("base"),
    service("x"),
  ];

  it("builds each after those that it needs", () => {
    expect(toBuild(planOf(chain, { files: null }))).to.deep.equal(["base", "lib", "web", "x"]);
  });

  it("builds what is FROM an image that is built", () => {
    const made = planOf(chain, { files: ["base/a"], there: ["base", "lib", "web"] });
    expect(toBuild(made)).to.deep.equal(["base", "lib", "web"]);
    expect(reasons(made)).to.include({
      lib: "build: it is FROM base, which is built",
      web: "build: it is FROM lib, which is built",
    });
  });

  it("leaves what is needed as it is, where the branch has it", () => {
    const made = planOf(chain, { files: ["web/a"], there: ["lib"] });
    expect(toBuild(made)).to.deep.equal(["web"]);
    expect(reasons(made).lib).to.match(/^skip: no changed file matches its paths lib/);
  });

  it("builds what is needed and not there, for its own sake alone", () => {
    const made = planOf(chain, { files: ["web/a"], there: ["base"] });
    expect(toBuild(made)).to.deep.equal(["lib", "web"]);
    expect(reasons(made).lib).to.equal("build: web needs it, and this branch has no image of it that is up to date");
    const build = { trigger: "manual", service: "lib", version: "2.0.0", pullRequest: null } as const;
    const asked = planOf(chain, { files: null, build });
    expect(asked.recipes.map(({ service: name, tags }) => [name, tags.includes("2.0.0")])).to.deep.equal([
      ["base", false],
      ["lib", true],
    ]);
  });

  it("names an image in a Dockerfile by a build argument of its service", () => {
    const names = ["base", "node-22", "2fa.api", "a_b"].map(neededArgument);
    expect(names).to.deep.equal(["BASE_IMAGE", "NODE_22_IMAGE", "_2FA_API_IMAGE", "A_B_IMAGE"]);
  });
});

describe("the paths of a repository", () => {
  it("let a merge through that stands for others of which nobody knows what they changed", () => {
    const judged = judgePaths(["src/**"], { files: ["docs/a.md"], replaced: [3] });
    expect(judged).to.deep.equal({
      refusal: null,
      rule: {
        ...{ rule: "paths", passed: true },
        saw: "1 changed file: docs/a.md, and what the build 3 that was superseded changed",
      },
    });
  });
});
