// What mergedock.yml says of the images of a repository: which they are, and what its own file may not say of them.

import { z } from "zod";
import type { Mistake } from "./core/mistake.ts";
import { needsMistakes } from "./core/needs.ts";
import { type Allowed, destinationMistake } from "./core/recipe-limits.ts";
import { fixedFields, forbiddenFields } from "./core/server-fields.ts";
import type { Service } from "./core/service.ts";

/** Fields of a repository that say it. */
export const recipeRules = {
  fixed: fixedFields.default({}),
  forbidden: z.array(z.enum(forbiddenFields)).default([]),
};

interface Said {
  readonly services: readonly Service[] | null;
  readonly fixed: Partial<Service>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Paths begin at the repository. */
export function recipeMistakes({ services, fixed, secrets }: Said, allowed: Allowed): Mistake[] {
  const listed = services ?? [];
  return [
    ...needsMistakes(listed).map(({ path, message }) => ({ path: ["services", ...path], message })),
    ...listed.flatMap((service, index) => mistakesOf(service, ["services", index], { secrets, allowed })),
    ...mistakesOf(fixed, ["fixed"], { secrets, allowed }),
    ...fixedNeedsMistakes(fixed),
  ];
}

/** Those that can be told without the images that a commit has. */
function fixedNeedsMistakes({ needs = [], args = {} }: Said["fixed"]): Mistake[] {
  const needy = { name: "", needs, args };
  const needed = needs.map((name) => ({ name, needs: [], args: {} }));
  return needsMistakes([needy, ...needed]).map(({ path: [, ...field], message }) => ({
    ...{ path: ["fixed", ...field], message },
  }));
}

interface Given {
  readonly secrets: Said["secrets"];
  readonly allowed: Allowed;
}

function mistakesOf(said: Partial<Service>, path: Mistake["path"], { secrets, allowed }: Given): Mistake[] {
  const { secrets: names = [], pushTo = [] } = said;
  return [
    ...names.flatMap((name, index) => {
      const message = "is not among the secrets of this repository";
      return Object.hasOwn(secrets, name) ? [] : [{ path: [...path, "secrets", index], message }];
    }),
    ...pushTo.flatMap((destination, index) => {
      // The operator may send an image to any place of our own registry.
      const message = destinationMistake(destination, allowed.pushHost, allowed);
      return message === null ? [] : [{ path: [...path, "push_to", index], message }];
    }),
  ];
}
