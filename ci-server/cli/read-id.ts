// A build's number as it is typed: `7`, or `#7` as it is shown.

import { AppError } from "../core/errors.ts";
import type { Input } from "./command.ts";

/** The first argument. Throws `invalid`. */
export function readId({ args: [text = ""] }: Input): number {
  if (/^#?[1-9]\d{0,14}$/.test(text)) return Number(text.replace("#", ""));
  throw new AppError("invalid", `${JSON.stringify(text)} is no build's number; mergedock builds lists them`);
}
