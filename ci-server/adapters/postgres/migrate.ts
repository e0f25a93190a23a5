// Brings the schema up to date at start: every file of migrations/ once, in the order of their names, each in its own transaction.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Pool, PoolClient } from "pg";

const folder = path.join(import.meta.dirname, "migrations");
// One lock for all processes that start at once; any constant will do.
const lockKey = 7_310_001;

export async function migrate(pool: Pool): Promise<void> {
  const client = await pool.connect();
  // A connection that breaks fails the statement; without a listener it would end the process as well.
  client.on("error", () => undefined);
  try {
    await client.query("select pg_advisory_lock($1)", [lockKey]);
    await client.query(
      "create table if not exists schema_migration (name text primary key, at timestamptz default now())",
    );
    for (const name of await pendingMigrations(client)) await apply(client, name);
  } finally {
    // Ends the session and with it the lock.
    client.release(true);
  }
}

async function pendingMigrations(client: PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>("select name from schema_migration");
  const done = new Set(rows.map((row) => row.name));
  const files = await readdir(folder);
  return files.filter((file) => file.endsWith(".sql") && !done.has(file)).sort();
}

async function apply(client: PoolClient, name: string): Promise<void> {
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
