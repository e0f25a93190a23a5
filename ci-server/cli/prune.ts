// `mergedock prune [--dry-run] [--json]`: asks a server to prune, and says what went and what stayed, and why.

import { z } from "zod";
import { pruneAreas } from "../core/prune.ts";
import { readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { plain } from "./text.ts";
import { toSize } from "./units.ts";

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

/** Returns 3 when something could not be removed. */
export async function run(context: Context, input: Input): Promise<number> {
  const client = await context.client();
  const answer = await client.post("/prune", { dry_run: hasOption(input, "dryRun") });
  const pruned = readAs(report, answer, "what was pruned");
  context.stdout.write(hasOption(input, "json") ? `${JSON.stringify(answer, null, 2)}\n` : toText(pruned));
  return pruned.areas.some(({ failed }) => failed > 0) ? exitCodes.system : exitCodes.ok;
}

function toText({ dry_run: isDry, areas }: z.infer<typeof report>): string {
  const gone = isDry ? "would be removed" : "removed";
  return areas
    .flatMap(({ area, removed, kept, failed, bytes, notes, items }) => [
      `${area}: ${removed} ${gone}${bytes > 0 ? ` (${toSize(bytes)})` : ""}, ${kept} kept${failed > 0 ? `, ${failed} failed` : ""}`,
      ...notes.map((note) => `  note    ${note}`),
      ...items.map(toLine),
    ])
    .map((line) => `${plain(line)}\n`)
    .join("");
}

function toLine({ what, verdict, reason, problem }: z.infer<typeof item>): string {
  return problem === null ? `  ${verdict.padEnd(7)} ${what}: ${reason}` : `  failed  ${what}: ${problem}`;
}
