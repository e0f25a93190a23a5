// Patterns of branch names: `*` stands for anything within one path segment, `**` for anything.

/** True when `branch` fits one of the patterns. */
export function matchesBranch(patterns: readonly string[], branch: string): boolean {
  return patterns.some((pattern) => toRegExp(pattern).test(branch));
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : RegExp.escape(part)))
    .join("");
  return new RegExp(`^${source}$`);
}
