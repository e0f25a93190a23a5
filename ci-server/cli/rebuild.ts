// `mergedock rebuild <id>`: asks for the same commit again.

import { type Context, hasOption, type Input } from "./command.ts";
import { begun } from "./follow-build.ts";
import { readId } from "./read-id.ts";

export async function run(context: Context, input: Input): Promise<number> {
  const client = await context.client();
  const answer = await client.post(`/builds/${readId(input)}/rebuild`, { no_cache: !hasOption(input, "cache") });
  return begun(context, input, answer);
}
