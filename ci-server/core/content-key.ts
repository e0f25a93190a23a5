// All that an image is made from, as one text: where two texts are the same, the images are.

import type { BaseImage } from "./build.ts";
import type { Recipe } from "./recipe.ts";

/** To be raised with every change to what a key stands for: no image is found under a key of another scheme. */
const scheme = 1;

export interface KeyParts {
  readonly recipe: Pick<Recipe, "type" | "dockerfile" | "target" | "args" | "secrets" | "ownLabels">;
  /** Digest of the files that are sent, the Dockerfile among them. */
  readonly context: string;
  readonly platform: string;
  readonly bases: readonly BaseImage[];
  /** What is laid out in the place of a submodule, and of a pointer of LFS. */
  readonly sources: { readonly submodules: boolean; readonly lfs: boolean };
}

/**
 * The names of secrets stand in it, not their values: those are to let a step in, not to be part of what it makes. Of labels the
 * ones that the recipe's author wrote: those that tell of the merge are different each time.
 */
export function keyText({ recipe, context, platform, bases, sources }: KeyParts): string {
  const { type, dockerfile, target, args, secrets, ownLabels } = recipe;
  const parts = {
    ...{ scheme, type, platform, context, dockerfile, target, sources },
    args: sortedEntries(args),
    labels: sortedEntries(ownLabels),
    secrets: [...new Set(secrets)].sort(),
    bases: bases.map(({ reference, digest }) => [reference, digest]).sort(byFirst),
  };
  return JSON.stringify(parts);
}

function sortedEntries(values: Readonly<Record<string, string>>): string[][] {
  return Object.entries(values).sort(byFirst);
}

function byFirst([a = ""]: readonly string[], [b = ""]: readonly string[]): number {
  return a < b ? -1 : Number(a > b);
}
