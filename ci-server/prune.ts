// `mergedock prune`: asks the server of this machine's configuration, or another one, to remove what is old.

import path from "node:path";
import { type ClientDefaults, readToken } from "./cli/client.ts";
import { prune, pruneUsage } from "./cli/prune.ts";
import { type ConfigSource, loadConfig } from "./config.ts";
import { AppError } from "./core/errors.ts";

export const usage = pruneUsage;

/** Prints what was found and sets the exit code. Throws `invalid` with the usage for what is written wrongly. */
export async function run(args: readonly string[], source: ConfigSource): Promise<void> {
  try {
    process.exitCode = await prune(args, clientDefaults(source));
  } catch (cause) {
    // node:util's own, of options that it does not know.
    if (!(cause instanceof TypeError) || !("code" in cause) || !String(cause.code).startsWith("ERR_PARSE_ARGS"))
      throw cause;
    throw new AppError("invalid", `${cause.message}\nusage: ${usage}`, { cause });
  }
}

/** Read when it is asked for: --server and --token-file do without. */
function clientDefaults(source: ConfigSource): ClientDefaults {
  return {
    server() {
      const { host, port } = loadConfig(source).listen.api;
      if (port === 0)
        throw new AppError("invalid", "listen.api has no fixed port; say where the server is with --server");
      // What listens everywhere is asked here.
      const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
      return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
    },
    async token() {
      const { adminToken, stateFolder } = loadConfig(source);
      return adminToken ?? readToken(path.join(stateFolder, "secrets/admin-token"));
    },
  };
}
