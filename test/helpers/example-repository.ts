// A configured repository for tests that look at a part of it.

import { type Repository, usualSkipDirectives } from "../../ci-server/core/recipe.ts";
import { usualService } from "../../ci-server/core/service.ts";

/** One that builds every merge into main, unless it is changed. */
export function exampleRepository(change: Partial<Repository> = {}): Repository {
  return {
    name: "acme/shop",
    url: "https://forge.test/acme/shop.git",
    access: null,
    submoduleHosts: null,
    lfsHosts: null,
    forge: { name: "github", apiUrl: null, tokenFile: null },
    report: { status: true, check: true, comment: true },
    commands: false,
    branches: ["main"],
    services: [usualService("shop")],
    ...{ fixed: {}, forbidden: [], concurrency: null },
    secrets: {},
    paths: [],
    labels: [],
    labelsIgnore: [],
    drafts: true,
    skipDirectives: usualSkipDirectives,
    baseRegistries: null,
    addHosts: null,
    ...change,
  };
}
