// A mistake in what somebody wrote, with its place in the values.

import type { z } from "zod";
import { suggestion } from "./closest-word.ts";

export interface Mistake {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** `images[0].target`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}${text && "."}${String(key)}`),
    "",
  );
}

/** What zod says; `known` are the names there are where one was found that there is not. */
export function toMistakes(
  issue: z.core.$ZodIssue,
  known: (path: readonly PropertyKey[]) => readonly string[],
): Mistake[] {
  const { path } = issue;
  if (issue.code !== "unrecognized_keys") return [{ path, message: issueText(issue) }];
  return issue.keys.map((key) => ({
    path: [...path, key],
    message: `there is no such field; ${suggestion(key, known(path))}`,
  }));
}

/** Of a name that is wrong zod says why one level below. */
export function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_key") return issue.message;
  return issue.issues.map(({ message }) => message).join(", ");
}
