// `mergedock completion <shell>`.

import type { Context, Input } from "./command.ts";
import { completionOf } from "./completion.ts";
import { exitCodes } from "./exit-codes.ts";
import { shells } from "./shells.ts";

export async function run({ stdout, program }: Context, { args }: Input): Promise<number> {
  // commander takes no other word.
  const shell = shells.find((one) => one === args[0]) ?? "bash";
  stdout.write(completionOf(shell, program()));
  return exitCodes.ok;
}
