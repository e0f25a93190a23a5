// Which permission of an App a question needs, and what it is called where an operator ticks it.
// Source: GitHub documentation, "Permissions required for GitHub Apps".

export interface AppPermission {
  readonly name: "contents" | "statuses" | "checks" | "pull_requests" | "repository_hooks" | "metadata";
  readonly level: "read" | "write";
}

const resources: readonly (readonly [RegExp, AppPermission["name"]])[] = [
  [/^\/repos\/\{owner\}\/\{repo\}\/statuses\b/, "statuses"],
  [/^\/repos\/\{owner\}\/\{repo\}\/check-runs\b/, "checks"],
  [/^\/repos\/\{owner\}\/\{repo\}\/(?:issues|pulls)\b/, "pull_requests"],
  [/^\/repos\/\{owner\}\/\{repo\}\/hooks\b/, "repository_hooks"],
  [/^\/repos\/\{owner\}\/\{repo\}\/(?:contents|git|commits)\b/, "contents"],
];

/** As the page "Permissions & events" of an App has them. */
const titles: Readonly<Record<AppPermission["name"], string>> = {
  contents: "Contents",
  statuses: "Commit statuses",
  checks: "Checks",
  pull_requests: "Pull requests",
  repository_hooks: "Webhooks",
  metadata: "Metadata",
};

/** `route`: `GET /repos/{owner}/{repo}/hooks`. */
export function permissionFor(route: string): AppPermission {
  const [method, path = ""] = route.split(" ");
  const name = resources.find(([pattern]) => pattern.test(path))?.[1];
  if (name === undefined) return { name: "metadata", level: "read" };
  return { name, level: method === "GET" ? "read" : "write" };
}

/** `Webhooks: Read and write`. */
export function titleOf({ name, level }: AppPermission): string {
  return `${titles[name]}: ${level === "read" ? "Read-only" : "Read and write"}`;
}
