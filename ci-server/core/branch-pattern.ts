// Which branches a repository's patterns name.

import { matchesPattern } from "./path-pattern.ts";

/** True when `branch` fits one of the patterns. */
export function matchesBranch(patterns: readonly string[], branch: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, branch));
}
