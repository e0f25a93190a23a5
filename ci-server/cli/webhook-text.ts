// Webhooks as people read them.

import { z } from "zod";
import { type Column, toTable } from "./table.ts";
import { paint, type Terminal } from "./terminal.ts";
import { plain } from "./text.ts";
import { toAge } from "./units.ts";

const nullableText = z.string().nullable().default(null);
export const manualView = z.object({
  payloadUrl: nullableText,
  contentType: z.string(),
  secret: z.string(),
  events: z.array(z.string()),
});
const hookView = z.object({ id: z.string(), url: z.string(), events: z.array(z.string()) });
export const hookListView = z.object({
  hooks: z.array(
    z.object({
      repository: z.string(),
      means: z.string(),
      hook: hookView.nullable(),
      secretId: nullableText,
      lastPingAt: nullableText,
      problems: z.array(z.string()),
      manual: manualView.nullable().default(null),
    }),
  ),
});
export type HookListView = z.infer<typeof hookListView>;
type HookRow = HookListView["hooks"][number];

const means: Readonly<Record<string, string>> = { app: "of the GitHub App", hand: "by hand", hook: "none" };

const columns: readonly Column<HookRow>[] = [
  { title: "REPOSITORY", value: ({ repository }) => repository, shrinksTo: 12 },
  { title: "HOOK", value: ({ hook, means: how }) => hook?.id ?? means[how] ?? how },
  { title: "URL", value: ({ hook }) => hook?.url ?? "", shrinksTo: 20 },
  { title: "EVENTS", value: ({ hook }) => hook?.events.join(",") ?? "", spare: true },
  { title: "SECRET", value: ({ secretId }) => secretId ?? "", spare: true },
  { title: "PING", value: ({ lastPingAt }) => (lastPingAt === null ? "" : toAge(lastPingAt, Date.now())) },
  { title: "STATE", value: ({ problems }) => (problems.length === 0 ? "ok" : `${problems.length} to mend`) },
];

export function hooksTable({ hooks }: HookListView, stdout: Terminal): string {
  return toTable(hooks, columns, stdout.columns());
}

/** A line for each problem. */
export function problemsText({ hooks }: HookListView, stdout: Terminal): string {
  return hooks
    .flatMap(({ repository, hook, problems, manual }) => [
      ...problems.map((problem) => `${paint(stdout, "red", "✗")} ${plain(repository)}: ${plain(problem)}\n`),
      ...(problems.length > 0 && manual !== null ? [manualText(manual)] : []),
      ...(problems.length > 0 && hook !== null ? [`  -> mergedock webhook add ${plain(repository)}\n`] : []),
    ])
    .join("");
}

export function manualText({ payloadUrl, contentType, secret, events }: z.infer<typeof manualView>): string {
  return [
    [
      "payload URL",
      payloadUrl ?? "none is known yet: set webhooks.public_url in mergedock.yml, or open a tunnel (docs/tunnel.md)",
    ],
    ["content type", contentType],
    ["secret", `see ${secret}`],
    ["events", events.join(", ")],
    ["TLS", "verified"],
  ]
    .map(([name = "", value = ""]) => `  ${name.padEnd(12)} ${plain(value)}\n`)
    .join("");
}
