// `mergedock build <service> <version>`: asks for an image by hand.

import { type Context, hasOption, type Input, textOption } from "./command.ts";
import { begun } from "./follow-build.ts";

export async function run(context: Context, input: Input): Promise<number> {
  const [service, version] = input.args;
  const client = await context.client();
  const type = textOption(input, "type");
  const asked = { service, version, type, ref: textOption(input, "ref"), no_cache: !hasOption(input, "cache") };
  return begun(context, input, await client.post("/images", asked));
}
