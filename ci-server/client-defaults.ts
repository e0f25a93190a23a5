// Where the server of this folder's configuration is, and its token: for commands that were told nothing else.

import path from "node:path";
import { type ClientDefaults, readToken } from "./cli/target.ts";
import type { ConfigSource } from "./config.ts";
import { AppError } from "./core/errors.ts";

/** Read when it is asked for: who names a server and a token needs no configuration. */
export function clientDefaults(source: ConfigSource): ClientDefaults {
  const config = async () => (await import("./config.ts")).loadConfig(source);
  return {
    async server() {
      const { host, port } = (await config()).listen.api;
      if (port === 0)
        throw new AppError("invalid", "listen.api has no fixed port; say where the server is with --server");
      // What listens everywhere is asked here.
      const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
      return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
    },
    async token() {
      const { adminToken, stateFolder } = await config();
      return adminToken ?? readToken(path.join(stateFolder, "secrets/admin-token"), "no token was named");
    },
  };
}
