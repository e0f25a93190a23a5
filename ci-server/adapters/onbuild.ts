// Reads what an image brings along for whoever is FROM it: each line by itself, as the builder does.

import { AppError } from "../core/errors.ts";
import type { BroughtAlong } from "../core/onbuild.ts";
import { dockerfileBytesMax, parseDockerfile } from "./dockerfile.ts";

const linesMax = 500;

/** `lines`: instructions, as an image's configuration has them. Throws `invalid` when they are too many or too long to be read. */
export function parseBrought(reference: string, lines: readonly string[]): BroughtAlong {
  const chars = lines.reduce((sum, line) => sum + line.length, 0);
  if (lines.length > linesMax || chars > dockerfileBytesMax) {
    const limits = `it may be ${linesMax} instructions of ${dockerfileBytesMax} characters in all`;
    throw new AppError("invalid", `${reference} brings along too much for whoever is FROM it (ONBUILD): ${limits}`);
  }
  // An instruction stands in a stage; which one does not matter to the reader.
  const parsed = lines.map((line) => parseDockerfile(`FROM base\n${line}`));
  return {
    reference,
    steps: parsed.flatMap(({ stages }) => stages.flatMap(({ steps }) => steps)),
    lookalikes: parsed.flatMap(({ lookalikes }) => lookalikes),
  };
}
