// The stage `plan`: which images are made of the commit.

import { plan } from "../../core/plan.ts";
import type { BuildRun } from "../build-run.ts";
import { judgeMerge } from "../judge-merge.ts";
import { checkoutOf, repositoryOf } from "./of-run.ts";

export async function planRecipes(run: BuildRun): Promise<void> {
  const repository = repositoryOf(run);
  await judgeMerge(run, repository);
  if (run.skipReason !== null) return;
  run.recipes = plan(run.build, repository, checkoutOf(run));
  for (const recipe of run.recipes) run.log(`${recipe.service}: ${recipe.image}, tags ${recipe.tags.join(", ")}`);
}
