// `mergedock webhook check [repository]`: whether a ping of each webhook arrives, and what else is wrong.

import { readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { plain } from "./text.ts";
import { hookListView, problemsText } from "./webhook-text.ts";

/** Returns 1 when something is wrong. */
export async function run(context: Context, input: Input): Promise<number> {
  const { stdout } = context;
  const [repository] = input.args;
  const client = await context.client();
  const answer = await client.post("/hooks/check", repository === undefined ? {} : { repository });
  const list = readAs(hookListView, answer, "a list of webhooks");
  const good = list.hooks.filter(({ problems }) => problems.length === 0);
  if (hasOption(input, "json")) stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else if (!hasOption(input, "quiet"))
    stdout.write(good.map((one) => `✓ ${plain(one.repository)}\n`).join("") + problemsText(list, stdout));
  return good.length === list.hooks.length ? exitCodes.ok : exitCodes.buildFailed;
}
