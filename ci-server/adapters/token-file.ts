// A token in a file of its own, which is read each time: a new one is taken without a restart.

import { readFile } from "node:fs/promises";
import { AppError } from "../core/errors.ts";

/** Throws `unauthorized`, which names the setting and the file. */
export async function readToken(file: string, setting: string): Promise<string> {
  const token = (await readFile(file, "utf8").catch(unreadable(setting, file))).trim();
  if (token === "") throw new AppError("unauthorized", `${setting}: ${file} is empty; write the token into it`);
  // It becomes a header, and two lines would be two.
  if (/[^\x21-\x7e]/.test(token))
    throw new AppError("unauthorized", `${setting}: ${file} has to hold one token in one line and nothing else`);
  return token;
}

export function unreadable(setting: string, file: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    throw new AppError(
      "unauthorized",
      `${setting}: ${file} cannot be read (${cause.code}); put it there, and let the server's user read it`,
      {
        cause,
      },
    );
  };
}
