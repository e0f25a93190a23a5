// What an image's key stands for: it changes with all that the image is made from, and with nothing else.

import { expect } from "chai";
import { type KeyParts, keyText } from "../../ci-server/core/content-key.ts";

const recipe: KeyParts["recipe"] = {
  type: "docker",
  dockerfile: "Dockerfile",
  target: null,
  args: { A: "1", B: "2" },
  secrets: ["npm", "ssh"],
  ownLabels: { team: "checkout", tier: "1" },
};
const parts: KeyParts = {
  recipe,
  context: "sha256:c",
  platform: "linux/amd64",
  bases: [
    { reference: "node:24", digest: "sha256:1" },
    { reference: "alpine:3", digest: "sha256:2" },
  ],
  sources: { submodules: false, lfs: false },
};
const key = keyText(parts);
const withRecipe = (change: Partial<KeyParts["recipe"]>): KeyParts => ({ ...parts, recipe: { ...recipe, ...change } });

describe("an image's key", () => {
  const others: [what: string, parts: KeyParts][] = [
    ["another file", { ...parts, context: "sha256:d" }],
    ["another platform", { ...parts, platform: "linux/arm64" }],
    ["another Dockerfile of the same files", withRecipe({ dockerfile: "Dockerfile.dev" })],
    ["a target", withRecipe({ target: "runtime" })],
    ["another value of an arg", withRecipe({ args: { A: "1", B: "3" } })],
    ["one arg less", withRecipe({ args: { A: "1" } })],
    ["an arg's value under another name", withRecipe({ args: { A: "1", C: "2" } })],
    ["values that only look the same in a row", withRecipe({ args: { A: "1,B=2" } })],
    ["another secret's name", withRecipe({ secrets: ["npm"] })],
    ["another label of the recipe", withRecipe({ ownLabels: { team: "cart", tier: "1" } })],
    ["a label instead of an arg", withRecipe({ args: { A: "1" }, ownLabels: { ...recipe.ownLabels, B: "2" } })],
    ["another type", withRecipe({ type: "ami" })],
    ["another digest of a base", { ...parts, bases: [{ reference: "node:24", digest: "sha256:3" }] }],
    ["another name of a base", { ...parts, bases: [{ reference: "node:lts", digest: "sha256:1" }] }],
    ["no bases", { ...parts, bases: [] }],
    ["submodules laid out", { ...parts, sources: { submodules: true, lfs: false } }],
    ["files of LFS laid out", { ...parts, sources: { submodules: false, lfs: true } }],
  ];
  for (const [what, other] of others) it(`is another one with ${what}`, () => expect(keyText(other)).not.to.equal(key));

  it("is one of a kind for each of these", () => {
    expect(new Set(others.map(([, other]) => keyText(other))).size).to.equal(others.length);
  });

  it("is the same in whatever order args, labels, secrets and bases come", () => {
    const turned = withRecipe({
      args: { B: "2", A: "1" },
      secrets: ["ssh", "npm", "npm"],
      ownLabels: { tier: "1", team: "checkout" },
    });
    expect(keyText({ ...turned, bases: parts.bases.toReversed() })).to.equal(key);
  });

  it("is the same whatever else a recipe holds", () => {
    const more = { ...recipe, image: "acme/shop", tags: ["pr-7"], labels: { revision: "x" }, context: "services/cart" };
    expect(keyText({ ...parts, recipe: more })).to.equal(key);
  });
});
