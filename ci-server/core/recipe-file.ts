// A repository's own `.mergedock.yml`: what it says, within what the server's configuration lets it say. Every mistake is
// reported with its line and column.

import { AppError } from "./errors.ts";
import { usualName } from "./image-ref.ts";
import { issueText, type Mistake, pathText, toMistakes } from "./mistake.ts";
import type { ParsedYaml } from "./ports/yaml.ts";
import type { Concurrency, Repository } from "./recipe.ts";
import { type Allowed, serverMistakes } from "./recipe-limits.ts";
import { fieldsAt, recipeFileSchema } from "./recipe-schema.ts";
import { type Service, toService } from "./service.ts";

export const recipeFileName = ".mergedock.yml";
/** The first ones; a file may be nothing but mistakes. */
const reportedMax = 100;

export interface RecipeFile {
  /** Null where the file lists none. */
  readonly images: readonly Service[] | null;
  readonly concurrency: Concurrency | null;
}

/** Throws `invalid` with a line for each mistake: `.mergedock.yml:7:5: images[0].target: …`. */
export function readRecipeFile(file: ParsedYaml, repository: Repository, allowed: Allowed): RecipeFile {
  if (file.mistakes.length > 0) throw mistaken(file.mistakes.map(({ message, ...place }) => ({ place, message })));
  // A file of comments alone says nothing.
  const content = file.value ?? {};
  const parsed = recipeFileSchema.safeParse(content);
  const mistakes = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => toMistakes(issue, fieldsAt)),
    ...serverMistakes(content, repository, allowed),
  ];
  if (!parsed.success || mistakes.length > 0) throw mistaken(placed(file, mistakes));
  const { images, concurrency } = parsed.data;
  const toNamed = ({ service, ...fields }: NonNullable<typeof images>[number]) =>
    toService({ ...fields, name: service ?? usualName(repository.name) });
  return { images: images?.map(toNamed) ?? null, concurrency: concurrency ?? null };
}

/** Of a repository whose images are the server's to say. Throws `invalid`. */
export function readConcurrency(file: ParsedYaml): Concurrency | null {
  if (file.mistakes.length > 0) throw mistaken(file.mistakes.map(({ message, ...place }) => ({ place, message })));
  const parsed = recipeFileSchema
    .pick({ concurrency: true })
    .loose()
    .safeParse(file.value ?? {});
  if (parsed.success) return parsed.data.concurrency ?? null;
  throw mistaken(
    placed(
      file,
      parsed.error.issues.map((issue) => ({ path: issue.path, message: issueText(issue) })),
    ),
  );
}

interface Placed {
  readonly place: ReturnType<ParsedYaml["placeOf"]>;
  readonly message: string;
}

function placed(file: ParsedYaml, mistakes: readonly Mistake[]): Placed[] {
  const shown = mistakes.slice(0, reportedMax).map(({ path, message }): Placed => {
    const where = pathText(path);
    return { place: file.placeOf(path), message: where === "" ? message : `${where}: ${message}` };
  });
  const inOrder = shown.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  const more = mistakes.length - shown.length;
  const last = inOrder.at(-1);
  return more === 0 || last === undefined ? inOrder : [...inOrder, { ...last, message: `and ${more} more mistakes` }];
}

function mistaken(mistakes: readonly Placed[]): AppError {
  const lines = mistakes.map(({ place, message }) => {
    // Names that somebody made up stand in it: one line each, whatever they hold.
    const text = message.replace(/\p{Cc}/gu, "?");
    return `${recipeFileName}:${place.line}:${place.column}: ${text}`;
  });
  return new AppError("invalid", lines.join("\n"));
}
