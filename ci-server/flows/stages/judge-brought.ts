// Whether an image may be made of what the images that it is FROM bring along (ONBUILD).

import { refuseBrought } from "../../core/onbuild.ts";
import type { BuilderRequest } from "../../core/ports.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun, Source } from "../build-run.ts";
import { known, repositoryOf } from "./of-run.ts";
import { refused } from "./reuse.ts";

/** What the builder asks before it builds. `recipe`: with all arguments that it gets. */
export function judgeBrought(run: BuildRun, recipe: Recipe, source: Source | null): BuilderRequest["onBrought"] {
  return (brought) => {
    if (brought.length === 0) return;
    const { dockerfile, platform } = known(source);
    const policy = run.parts.basePolicy(repositoryOf(run));
    const refusal = refuseBrought({ dockerfile, needs: { ...recipe, platform }, brought, policy });
    if (refusal !== null) throw refused(recipe, refusal);
  };
}
