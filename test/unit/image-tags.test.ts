// The tags and labels of a build's image: what a merge, a version asked for by hand and a schedule are to the rules.

import { expect } from "chai";
import { defaultBranch } from "../../ci-server/core/branch-pattern.ts";
import type { Build } from "../../ci-server/core/build.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";
import type { RepositoryAbout } from "../../ci-server/core/repository-about.ts";
import { type Service, usualService } from "../../ci-server/core/service.ts";
import { type ImageTags, imageTags } from "../../ci-server/core/tags/of-build.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { exampleBuild } from "../helpers/example-build.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const commit = { sha: "0123456789".repeat(4), committedAt: new Date("2026-11-02T03:04:05Z") };
const pullRequest = { number: 7, title: "t", url: "u", author: "ada", mergedBy: "bob" };
const merge: Build = exampleBuild({
  ...{ sha: commit.sha, pullRequest, deliveryGuid: null, createdAt: new Date("2026-11-03T00:00:00Z") },
});
const manual: Build = { ...merge, trigger: "manual", pullRequest: null, version: "v1.2.3" };

function given(
  build: Build,
  change: Partial<Service> = {},
  repository: Partial<Repository> = {},
  about: RepositoryAbout | null = exampleAbout,
): ImageTags {
  const service = { ...usualService("shop"), ...change };
  return imageTags({ build, commit, service, about, repository: exampleRepository(repository) });
}

describe("the tags of an image", () => {
  it("are of a merge its base branch's and its pull request's", () => {
    const tags = ["type=ref,event=branch", "type=ref,event=pr", "type=edge", "type=raw,value=on-{{base_ref}}"];
    expect(given(merge, { tags }).tags).to.deep.equal(["edge", "main", "pr-7", "on-main"]);
    expect(given({ ...merge, ref: "release/1" }, { tags }).tags).to.deep.equal(["release-1", "pr-7", "on-release-1"]);
  });

  it("are of a version asked for by hand those of a git tag, and the version as it is", () => {
    const tags = ["type=semver,pattern={{major}}.{{minor}}", "type=ref,event=branch", "type=sha", "type=edge"];
    const { tags: names, fixedTags, forwardTags } = given(manual, { tags });
    expect(names).to.deep.equal(["1.2", "v1.2.3", "sha-0123456", "latest"]);
    expect([fixedTags, forwardTags]).to.deep.equal([["v1.2.3"], ["1.2", "latest"]]);
    expect(given(manual).tags).to.deep.equal(["v1.2.3", "sha-0123456"]);
    expect(given({ ...manual, version: "next" })).to.deep.include({ fixedTags: ["next"], forwardTags: [] });
  });

  it("are scheduled for whatever is neither a merge nor asked for by hand", () => {
    // A trigger that a later version knows.
    const scheduled = { ...merge, trigger: "base_image" as "manual", pullRequest: null };
    expect(given(scheduled, { tags: ["type=schedule"] }).tags).to.deep.equal(["nightly"]);
    expect(given(merge, { tags: ["type=schedule", "type=sha"] }).tags).to.deep.equal(["sha-0123456"]);
  });

  it("have latest on the default branch only, whatever the rules say", () => {
    const always = { tags: ["type=raw,value=latest", "type=sha"] };
    expect(given(merge, always).tags).to.deep.equal(["latest", "sha-0123456"]);
    const elsewhere = given({ ...merge, ref: "release/1" }, always);
    expect(elsewhere.tags).to.deep.equal(["sha-0123456"]);
    expect(elsewhere.tagNotes).to.deep.equal([
      "latest is left as it is: it moves with the default branch main only, and release/1 was built",
    ]);
    const semver = { tags: ["type=semver,pattern={{version}}"], flavor: ["suffix=-a,onlatest=true"] };
    expect(given(manual, semver).tags).to.deep.equal(["1.2.3-a", "v1.2.3", "latest-a"]);
    expect(given({ ...manual, ref: "v1.2.3" }, semver).tags).to.deep.equal(["1.2.3-a", "v1.2.3"]);
    const [note] = given(merge, always, { branches: ["release/*"] }).tagNotes;
    expect(note).to.contain('acme/shop has no default branch, as "branches" names none without * or ?');
  });

  it("are at least the commit's", () => {
    const { tags, tagNotes } = given({ ...merge, pullRequest: null }, { tags: ["type=ref,event=pr"] });
    expect(tags).to.deep.equal(["sha-0123456"]);
    expect(tagNotes).to.deep.equal(["the rules of shop give no tag for this build; it gets sha-0123456"]);
  });

  it("are the same for each attempt, whatever the time", () => {
    const tags = ["type=raw,value={{date 'YYYYMMDD'}}", "type=raw,value={{commit_date 'YYYYMMDD'}}"];
    expect(given(merge, { tags }).tags).to.deep.equal(["20261103", "20261102"]);
  });

  it("are refused with the rule that is wrong, should one have come this far", () => {
    expect(() => given(merge, { tags: ["type=foo"] })).to.throw(AppError, 'the tag rule "type=foo"');
  });
});

describe("the labels of an image", () => {
  it("are the service's own over those that every image has, with expressions", () => {
    const own = { team: "checkout", on: "{{branch}}", "org.opencontainers.image.title": "The shop" };
    const { labels, annotations } = given(merge, { labels: own });
    expect(labels).to.include({ team: "checkout", on: "main", "org.opencontainers.image.title": "The shop" });
    expect(labels).to.include({ "org.opencontainers.image.version": "pr-7", "dev.mergedock.pull-request": "7" });
    expect(annotations).to.deep.equal(labels);
    expect(Object.keys(labels)).to.deep.equal(Object.keys(labels).sort());
  });

  it("say what the repository is for and its licence, and are empty where nobody says it", () => {
    const of = (about: RepositoryAbout | null) => {
      const { labels } = given(merge, {}, {}, about);
      return [labels["org.opencontainers.image.description"], labels["org.opencontainers.image.licenses"]];
    };
    expect(of(exampleAbout)).to.deep.equal(["Sells things", "MIT"]);
    for (const none of [null, { description: null, license: null }]) expect(of(none)).to.deep.equal(["", ""]);
  });

  it("name the page of a repository where its URL is one", () => {
    const of = (url: string) => {
      const { labels } = given(merge, {}, { url });
      return [labels["org.opencontainers.image.source"], labels["org.opencontainers.image.url"]];
    };
    const page = "https://forge.test/acme/shop";
    for (const url of [page, `${page}.git`, `${page}.git/`]) expect(of(url)).to.deep.equal([page, page]);
    const ssh = "ssh://git@forge.test/acme/shop.git";
    expect(of(ssh)).to.deep.equal([ssh, undefined]);
  });
});

describe("a default branch", () => {
  it("is the first one that is no pattern", () => {
    expect(defaultBranch(["release/*", "trunk", "main"])).to.equal("trunk");
    expect(defaultBranch(["release/*"])).to.equal(null);
  });
});
