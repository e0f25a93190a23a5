// `mergedock replay <guid>`: decides again on a delivery, and builds what it leads to.

import { z } from "zod";
import { readAs, segment } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { rulesText } from "./decision-text.ts";
import { exitCodes } from "./exit-codes.ts";
import { begun } from "./follow-build.ts";
import { plain } from "./text.ts";

const replayView = z.object({
  verdict: z.enum(["build", "skip"]),
  reason: z.string(),
  rules: z.array(z.object({ rule: z.string(), passed: z.boolean(), saw: z.string() })).default([]),
  build: z.number().nullable().default(null),
});

export async function run(context: Context, input: Input): Promise<number> {
  const [guid = ""] = input.args;
  const client = await context.client();
  const isDry = hasOption(input, "dryRun");
  const answer = await client.post(`/deliveries/${segment(guid)}/replay${isDry ? "?dry_run=true" : ""}`, null);
  const view = readAs(replayView, answer, "a decision");
  if (!isDry && view.build !== null) return begun(context, input, answer);
  if (hasOption(input, "json")) context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else {
    const would = isDry ? `would be: ${view.verdict}` : view.verdict;
    context.stdout.write(`${would}: ${plain(view.reason)}\n${rulesText(view.rules, context.stdout)}`);
  }
  return exitCodes.ok;
}
