// A process that takes a lock and keeps it until it is killed: `node lock-holder.ts <database URL> <name>`.

import { Pool } from "pg";
import { Locks } from "../../ci-server/adapters/postgres/locks.ts";

const [url = "", name = ""] = process.argv.slice(2);
const pool = new Pool({ connectionString: url });
pool.on("error", () => undefined);
await new Locks(pool).hold(name, new AbortController().signal, () => {
  console.log("held");
  return new Promise(() => undefined);
});
