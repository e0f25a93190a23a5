// The stage `plan`: which images are made of the commit.

import { plan } from "../../core/plan.ts";
import { type BuildRun, newImageRun } from "../build-run.ts";
import { judgeMerge } from "../judge-merge.ts";
import { checkoutOf, repositoryOf } from "./of-run.ts";

export async function planRecipes(run: BuildRun): Promise<void> {
  const repository = repositoryOf(run);
  await judgeMerge(run, repository);
  if (run.skipReason !== null) return;
  const recipes = plan(run.build, repository, checkoutOf(run));
  run.images = recipes.map(newImageRun);
  for (const { service, image, tags, tagNotes } of recipes) {
    run.log(`${service}: ${image}, tags ${tags.join(", ")}`);
    for (const note of tagNotes) run.log(`${service}: ${note}`);
  }
}
