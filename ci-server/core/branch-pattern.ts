// Which branches a repository's patterns name.

import { isPattern, matchesPattern } from "./path-pattern.ts";

/** True when `branch` fits one of the patterns. */
export function matchesBranch(patterns: readonly string[], branch: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, branch));
}

/** The first one that is no pattern; null where all of them are. */
export function defaultBranch(branches: readonly string[]): string | null {
  return branches.find((branch) => !isPattern(branch)) ?? null;
}
