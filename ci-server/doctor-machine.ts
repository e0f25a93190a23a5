// The doctor's look at the rest of what a server stands on: database, disk, tunnel.

import { existsSync } from "node:fs";
import path from "node:path";
import { Client } from "pg";
import { createDisk } from "./adapters/disk.ts";
import { createAgentTunnel } from "./adapters/tunnel/agent.ts";
import { type Finding, failure, ok, warning } from "./cli/findings.ts";
import { toSize } from "./cli/units.ts";
import type { Config } from "./config.ts";
import { authtokenVariable } from "./config-tunnel.ts";
import { forgesOf } from "./core/forge-settings.ts";
import { payloadUrlAt } from "./core/public-address.ts";

const answerMsMax = 5_000;

export async function databaseFinding({ databaseUrl, stateFolder }: Config): Promise<Finding> {
  if (databaseUrl === null) {
    const folder = path.join(stateFolder, "postgres");
    return ok(
      "database",
      `embedded in ${folder}: ${existsSync(folder) ? "there" : "made at the server's first start"}`,
    );
  }
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: answerMsMax,
    query_timeout: answerMsMax,
  });
  // A connection that breaks later is of no interest.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>("show server_version");
    return ok("database", `PostgreSQL ${rows[0]?.server_version ?? "?"}`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause);
    return failure(
      "database",
      `it cannot be used: ${why}`,
      "see that PostgreSQL runs and that DATABASE_URL is right: psql \"$DATABASE_URL\" -c 'select 1'",
    );
  } finally {
    await client.end().catch(() => {});
  }
}

export async function diskFindings({ stateFolder, engineHost, limits }: Config): Promise<Finding[]> {
  // Before the first start it is not there: what is above it is on the same disk.
  let folder = stateFolder;
  while (!existsSync(folder) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  const free = await createDisk({ stateFolder: folder, engineHost }).free(new AbortController().signal);
  const min = limits.free_bytes_min;
  return free.map(({ folder: at, bytes }) => {
    const detail = `${toSize(bytes)} free at ${at}`;
    if (bytes >= min) return ok("disk", detail);
    const fix =
      "mergedock prune --dry-run lists what can go; docker system df what the engine has; limits.free_bytes_min is the floor";
    return failure("disk", `${detail}: builds wait below ${toSize(min)}`, fix);
  });
}

/** What the server opens itself is not opened a second time: the server says what became of it. */
export async function tunnelFinding({
  tunnel,
  webhooksPublicUrl,
  listen,
  role,
  repositories,
}: Config): Promise<Finding> {
  if (role === "worker") return ok("tunnel", "none is needed: this process has the role worker");
  if (webhooksPublicUrl !== null) return ok("tunnel", `none is needed: webhooks.public_url is ${webhooksPublicUrl}`);
  const { type, agentUrl, authtoken, url } = tunnel;
  if (type === "none") return ok("tunnel", "none: tunnel.type says so");
  if (url !== null) return ok("tunnel", `the server listens to the channel ${url}`);
  const { port } = listen.webhooks;
  if (type !== "ngrok") {
    const agent = createAgentTunnel({ agentUrl, isWanted: type === "agent", lacks: authtoken === null ? noToken : "" });
    agent.open(listen.webhooks);
    const state = await agent.look(AbortSignal.timeout(answerMsMax));
    const { address } = state;
    if (address !== null)
      return ok(
        "tunnel",
        forgesOf(repositories)
          .map((name) => payloadUrlAt(address, name))
          .join(", "),
      );
    if (type === "agent" || authtoken === null) return warning("tunnel", state.why, howToOpen(port));
  }
  if (authtoken === null) return warning("tunnel", `none (no ${authtokenVariable}): local mode`, howToOpen(port));
  return ok("tunnel", "the server opens one with its ngrok token, and logs the address");
}

const noToken = `, no ${authtokenVariable}`;

function howToOpen(port: number): string {
  return `webhooks.public_url in mergedock.yml, where a proxy of yours leads to port ${port}; else docker-compose --profile tunnel up, or set ${authtokenVariable}: docs/tunnel.md`;
}
