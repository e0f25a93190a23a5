// The values of the secrets that a build's images are made with: read right before the first of them is built, hidden from then on.

import type { BuildRun } from "../build-run.ts";
import { repositoryOf } from "./of-run.ts";

export async function openSecrets(run: BuildRun): Promise<void> {
  const names = [...new Set(run.images.flatMap(({ recipe }) => recipe.secrets))];
  if (names.length === 0) return;
  run.secrets = await run.parts.readSecrets(repositoryOf(run), names);
  const decoder = new TextDecoder();
  for (const [name, value] of run.secrets) {
    if (run.hide([decoder.decode(value)]) > 0)
      run.log(`the secret "${name}" is too short to be hidden: where a step prints it, it stands in this log`);
  }
}
