// What a build knows of an image before it is made, where one of its bases cannot be known.

import { expect } from "chai";
import { parseDockerfile } from "../../ci-server/adapters/dockerfile.ts";
import type { Recipe } from "../../ci-server/core/recipe.ts";
import { type BuildRun, newImageRun } from "../../ci-server/flows/build-run.ts";
import { identifyImage } from "../../ci-server/flows/stages/reuse.ts";
import { exampleBuild } from "../helpers/example-build.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

describe("an image that is FROM others", () => {
  const known = { reference: "node:24", digest: `sha256:${"a".repeat(64)}` };
  const dockerfile = parseDockerfile("FROM node:24\nCOPY --from=alpine:3 / /\n");
  // What the stage reads of each.
  const recipe = {
    type: "docker",
    service: "shop",
    target: null,
    args: {},
    secrets: [],
    ownLabels: {},
  } as unknown as Recipe;
  const parts = {
    bases: { platform: async () => "linux/amd64" },
    contexts: { read: async () => ({ dockerfile, digest: "sha256:c", files: 1 }) },
    basePolicy: () => ({ registries: null, addHosts: null, own: "localhost:5000", configured: [] }),
    repositories: [exampleRepository({})],
    pushHost: "localhost:5000",
  };

  async function identify(isComplete: boolean) {
    const image = newImageRun(recipe);
    const bases = { ...parts.bases, resolve: async () => ({ bases: [known], isComplete }) };
    const run = { build: exampleBuild({}), parts: { ...parts, bases }, checkout: {}, images: [image] };
    await identifyImage(run as unknown as BuildRun, image, recipe); // what the stage reads of it
    return image;
  }

  it("has the bases that are known and no key where another is not", async () => {
    expect(await identify(false)).to.deep.include({ bases: [known], key: null });
  });

  it("has a key where all are known", async () => {
    const { bases, key } = await identify(true);
    expect(bases).to.deep.equal([known]);
    expect(key).to.match(/^sha256:/);
  });
});
