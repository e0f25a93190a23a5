// Which images a commit's repository has: as the server's configuration says, else its own file, else one of its own name.

import { AppError } from "../core/errors.ts";
import { usualName } from "../core/image-ref.ts";
import type { ParsedYaml } from "../core/ports.ts";
import type { Concurrency, Repository } from "../core/recipe.ts";
import { type RecipeFile, readConcurrency, readRecipeFile, recipeFileName } from "../core/recipe-file.ts";
import { fixedMistakes, withFixed } from "../core/server-fields.ts";
import { type Service, usualService } from "../core/service.ts";
import type { BuildRun } from "./build-run.ts";
import { checkoutOf } from "./stages/of-run.ts";

export interface Said {
  readonly services: readonly Service[];
  /** Null where the file does not say it. */
  readonly concurrency: Concurrency | null;
}

/** Throws `invalid` with every mistake of the file, each of which is in the log too. */
export async function readServices(run: BuildRun, repository: Repository): Promise<Said> {
  const file = await readYaml(run);
  const { services, fixed } = repository;
  try {
    if (services !== null) {
      if (file !== null)
        run.log(`the server's configuration lists the images; ${recipeFileName} is not asked for them`);
      return { services, concurrency: file === null ? null : readConcurrency(file) };
    }
    const { images, concurrency } = file === null ? noFile : readRecipeFile(file, repository, run.parts);
    const names = Object.keys(fixed).join(", ");
    if (names !== "") run.log(`the server's configuration says this of every image: ${names}`);
    const said = images ?? [usualService(usualName(repository.name))];
    const whole = said.map((service) => withFixed(service, fixed));
    const mistakes = fixedMistakes(whole);
    if (mistakes.length > 0) throw new AppError("invalid", mistakes.join("\n"));
    return { services: whole, concurrency };
  } catch (cause) {
    if (cause instanceof AppError) for (const line of cause.message.split("\n")) run.log(line);
    throw cause;
  }
}

const noFile: RecipeFile = { images: null, concurrency: null };

/** Null where the commit has none. */
async function readYaml(run: BuildRun): Promise<ParsedYaml | null> {
  const { parseYaml, recipeFileBytesMax } = run.parts;
  const bytes = await checkoutOf(run).read(recipeFileName, recipeFileBytesMax);
  return bytes === null ? null : parseYaml(bytes);
}
