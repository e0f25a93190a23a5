// `mergedock token create <name>`: a token for a person or a program, which is shown this once.

import { z } from "zod";
import { readAs } from "./client.ts";
import { type Context, hasOption, type Input, textOption } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { plain } from "./text.ts";

const made = z.object({ name: z.string(), role: z.string(), token: z.string() });

export async function run(context: Context, input: Input): Promise<number> {
  const { stdout, stderr } = context;
  const client = await context.client();
  const answer = await client.post("/tokens", { name: input.args[0], role: textOption(input, "role") });
  const { name, role, token } = readAs(made, answer, "a token");
  stdout.write(hasOption(input, "json") ? `${JSON.stringify(answer, null, 2)}\n` : `${plain(token)}\n`);
  const help = `the token ${plain(name)} (${plain(role)}) is not shown again; keep it in a file of mode 0600\n`;
  if (!hasOption(input, "quiet")) stderr.write(help);
  return exitCodes.ok;
}
