// `mergedock prune [--dry-run] [--json]`: asks a server to prune, and says what went and what stayed, and why.

import { parseArgs } from "node:util";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { pruneAreas } from "../core/prune.ts";
import { type ClientDefaults, callApi } from "./client.ts";

export const pruneUsage = "mergedock prune [--dry-run] [--json] [--server http://host:port] [--token-file file]";

const item = z.object({
  what: z.string(),
  verdict: z.enum(["remove", "keep"]),
  reason: z.string(),
  bytes: z.number().nullable(),
  problem: z.string().nullable(),
});
const report = z.object({
  dry_run: z.boolean(),
  areas: z.array(
    z.object({
      area: z.enum(pruneAreas),
      ...{ removed: z.number(), kept: z.number(), failed: z.number(), bytes: z.number() },
      ...{ notes: z.array(z.string()), items: z.array(item) },
    }),
  ),
});

/** Returns the exit code: 0, or 3 when something could not be removed. Throws `invalid` for what is written wrongly. */
export async function prune(args: readonly string[], defaults: ClientDefaults): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "dry-run": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      server: { type: "string" },
      "token-file": { type: "string" },
    },
  });
  const options = { server: values.server, tokenFile: values["token-file"] };
  const answer = await callApi(defaults, options, { path: "/api/v1/prune", body: { dry_run: values["dry-run"] } });
  const parsed = report.safeParse(answer);
  if (!parsed.success)
    throw new AppError("unavailable", `the server's answer is not a prune's: ${z.prettifyError(parsed.error)}`);
  process.stdout.write(values.json ? `${JSON.stringify(answer, null, 2)}\n` : toText(parsed.data));
  return parsed.data.areas.some(({ failed }) => failed > 0) ? 3 : 0;
}

function toText({ dry_run: isDry, areas }: z.infer<typeof report>): string {
  const gone = isDry ? "would be removed" : "removed";
  return areas
    .flatMap(({ area, removed, kept, failed, bytes, notes, items }) => [
      `${area}: ${removed} ${gone}${bytes > 0 ? ` (${toSize(bytes)})` : ""}, ${kept} kept${failed > 0 ? `, ${failed} failed` : ""}`,
      ...notes.map((note) => `  note    ${note}`),
      ...items.map(toLine),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

function toLine({ what, verdict, reason, problem }: z.infer<typeof item>): string {
  return problem === null ? `  ${verdict.padEnd(7)} ${what}: ${reason}` : `  failed  ${what}: ${problem}`;
}

function toSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
