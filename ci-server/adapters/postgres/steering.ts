// Cancels builds, one at a time or all that a newer one replaces.

import type { PoolClient } from "pg";
import { AppError } from "../../core/errors.ts";
import { finishBuild } from "./attempts.ts";
import type { BuildQueue, QueuedBuild } from "./queue.ts";

/** To be run in one transaction. */
export async function cancelBuild(client: PoolClient, queue: BuildQueue, id: number, reason: string): Promise<void> {
  const { rows } = await client.query<{ attempts: number; result: string | null }>(
    "select attempts, result from build where id = $1 for update",
    [id],
  );
  const [build] = rows;
  if (build === undefined) throw new AppError("not_found", `there is no build ${id}`);
  if (build.result !== null)
    throw new AppError("conflict", `build ${id} has ended with ${build.result}; there is nothing to cancel`);
  await client.query("update build set cancel_reason = coalesce(cancel_reason, $2) where id = $1", [id, reason]);
  if (build.attempts > 0) return;
  await endCancelled(client, id, reason);
  await queue.remove(client, [id]);
}

/** Ends the builds of the repository that were never begun: this one has all that they have. */
export async function supersede(
  client: PoolClient,
  queue: BuildQueue,
  { repository, buildId: newerId }: QueuedBuild,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `select id from build where repository = $1 and id < $2 and result is null and attempts = 0 and trigger = 'pull_request' order by id for update`,
    [repository, newerId],
  );
  const ids = rows.map((row) => Number(row.id));
  for (const id of ids) await endCancelled(client, id, `superseded by #${newerId}`);
  await queue.remove(client, ids);
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
