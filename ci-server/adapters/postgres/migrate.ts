// Brings the schema up to date at start: every file of migrations/ once, in the order of their names, each in its own transaction.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { Client, type ClientConfig } from "pg";

const folder = path.join(import.meta.dirname, "migrations");
// One lock for all processes that start at once; any constant will do.
const lockKey = 7_310_001;

/** On a connection of its own, without a limit of time: a table with years in it takes as long as it takes. */
export async function migrate(connection: ClientConfig): Promise<void> {
  const client = new Client(connection);
  // A connection that breaks fails the statement; without a listener it would end the process as well.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select pg_advisory_lock($1)", [lockKey]);
    await client.query(
      "create table if not exists schema_migration (name text primary key, at timestamptz default now())",
    );
    for (const name of await pendingMigrations(client)) await apply(client, name);
  } finally {
    // Ends the session and with it the lock.
    await client.end();
  }
}

async function pendingMigrations(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>("select name from schema_migration");
  const done = new Set(rows.map((row) => row.name));
  const files = await readdir(folder);
  return files.filter((file) => file.endsWith(".sql") && !done.has(file)).sort();
}

async function apply(client: Client, name: string): Promise<void> {
  const sql = await readFile(path.join(folder, name), "utf8");
  await client.query("begin");
  try {
    await client.query(sql);
    await client.query("insert into schema_migration (name) values ($1)", [name]);
    await client.query("commit");
  } catch (cause) {
    await client.query("rollback");
    throw new Error(`migration ${name} failed`, { cause });
  }
}
