// Lets the builder make one image, with its secrets, and keeps what became of its steps, also where one of them failed.

import { BuildSteps, shownStep } from "../../core/build-step.ts";
import type { Built } from "../../core/ports.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { judgeBrought } from "./judge-brought.ts";
import { toRequest } from "./of-run.ts";

/** `recipe`: with all arguments that the builder gets. */
export async function runSteps(run: BuildRun, recipe: Recipe, { bases, source }: ImageRun): Promise<Built> {
  const { builder, store } = run.parts;
  const { secrets } = run;
  const steps = new BuildSteps();
  const onStep = steps.add.bind(steps);
  // A step's name is what somebody wrote, and its error what somebody answered.
  const record = () => {
    const list = steps.list().map((step) => shownStep(step, run.mask));
    run.watch.stepsEnded(recipe.service, list);
    return store.recordSteps(run.at, recipe.service, list);
  };
  const onBrought = judgeBrought(run, recipe, source);
  const request = { ...toRequest(run, recipe), bases, secrets, onBrought, onStep };
  const built = await builder.build(request).catch(async (error) => {
    // Why the build failed is worth more than that its steps could not be stored.
    await record().catch(() => undefined);
    throw error;
  });
  await record();
  return built;
}
