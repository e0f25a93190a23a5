// `mergedock cancel <id>`: ends a build that waits or runs.

import { readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { readId } from "./read-id.ts";
import { plain } from "./text.ts";
import { buildView } from "./views.ts";

export async function run(context: Context, input: Input): Promise<number> {
  const client = await context.client();
  const answer = await client.post(`/builds/${readId(input)}/cancel`, null);
  const { id, result, cancelReason } = readAs(buildView, answer, "a build");
  const became =
    result === null || result === "cancellation"
      ? plain(cancelReason ?? "cancelled")
      : `it has ended before: ${result}`;
  context.stdout.write(hasOption(input, "json") ? `${JSON.stringify(answer, null, 2)}\n` : `${id}\n`);
  if (!hasOption(input, "quiet")) context.stderr.write(`build ${id}: ${became}\n`);
  return exitCodes.ok;
}
