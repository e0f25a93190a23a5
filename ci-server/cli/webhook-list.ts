// `mergedock webhook list`: the webhooks as the forge has them.

import { readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { hookListView, hooksTable, problemsText } from "./webhook-text.ts";

export async function run(context: Context, input: Input): Promise<number> {
  const { stdout } = context;
  const client = await context.client();
  const answer = await client.get("/hooks");
  const list = readAs(hookListView, answer, "a list of webhooks");
  if (hasOption(input, "json")) stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else stdout.write(hooksTable(list, stdout) + problemsText(list, stdout));
  return exitCodes.ok;
}
