// Lets the builder make one image, with its secrets, and keeps what became of its steps, also where one of them failed.

import { BuildSteps } from "../../core/build-step.ts";
import type { Built } from "../../core/ports.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { repositoryOf, toRequest } from "./of-run.ts";

export async function runSteps(run: BuildRun, { recipe, bases }: ImageRun): Promise<Built> {
  const { builder, store, readSecrets } = run.parts;
  const secrets = await readSecrets(repositoryOf(run), recipe.secrets);
  const steps = new BuildSteps();
  const onStep = steps.add.bind(steps);
  const record = () => store.recordSteps(run.at, recipe.service, steps.list());
  const built = await builder.build({ ...toRequest(run, recipe), bases, secrets, onStep }).catch(async (error) => {
    // Why the build failed is worth more than that its steps could not be stored.
    await record().catch(() => undefined);
    throw error;
  });
  await record();
  return built;
}
