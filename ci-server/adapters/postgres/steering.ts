// Cancels builds, one at a time or all that a newer one replaces.

import type { PoolClient } from "pg";
import { AppError } from "../../core/errors.ts";
import { finishBuild } from "./attempts.ts";

/** To be run in one transaction. */
export async function cancelBuild(client: PoolClient, id: number, reason: string): Promise<void> {
  const { rows } = await client.query<{ repository: string; attempts: number; result: string | null }>(
    "select repository, attempts, result from build where id = $1 for update",
    [id],
  );
  const [build] = rows;
  if (build === undefined) throw new AppError("not_found", `there is no build ${id}`);
  if (build.result !== null)
    throw new AppError("conflict", `build ${id} has ended with ${build.result}; there is nothing to cancel`);
  await client.query("update build set cancel_reason = coalesce(cancel_reason, $2) where id = $1", [id, reason]);
  if (build.attempts > 0) return;
  await endCancelled(client, id, reason);
  await removeJobs(client, build.repository, [id]);
}

/** Ends the builds of the repository that were never begun: the one with `newerId` has all that they have. Returns their ids. */
export async function supersede(client: PoolClient, repository: string, newerId: number): Promise<number[]> {
  const { rows } = await client.query<{ id: string }>(
    `select id from build where repository = $1 and id < $2 and result is null and attempts = 0 and trigger = 'pull_request' order by id for update`,
    [repository, newerId],
  );
  const ids = rows.map((row) => Number(row.id));
  for (const id of ids) await endCancelled(client, id, `superseded by #${newerId}`);
  await removeJobs(client, repository, ids);
  return ids;
}

/** A worker looks at two jobs of a repository in a second: those of builds that have ended would keep the others waiting for hours. */
async function removeJobs(client: PoolClient, repository: string, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  await client.query(
    `delete from pgboss.job where name = 'build' and state < 'active' and singleton_key = lower($1)
       and (data ->> 'buildId')::bigint = any($2)`,
    [repository, ids],
  );
}

async function endCancelled(client: PoolClient, id: number, reason: string): Promise<void> {
  await finishBuild(
    client,
    { buildId: id, attempt: 0 },
    {
      result: "cancellation",
      failure: { code: "cancelled", message: reason },
      images: [],
    },
  );
}
