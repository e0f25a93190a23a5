// `mergedock token revoke <name>`: from now on nobody comes in with it.

import { segment } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { plain } from "./text.ts";

export async function run(context: Context, input: Input): Promise<number> {
  const [name = ""] = input.args;
  const client = await context.client();
  await client.remove(`/tokens/${segment(name)}`);
  if (hasOption(input, "json")) context.stdout.write(`${JSON.stringify({ name, revoked: true }, null, 2)}\n`);
  if (!hasOption(input, "quiet")) context.stderr.write(`the token ${plain(name)} is revoked\n`);
  return exitCodes.ok;
}
