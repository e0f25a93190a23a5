// Cancels builds, one at a time or all that a newer one replaces.

import type { PoolClient } from "pg";
import type { Failure } from "../../core/build.ts";
import { AppError } from "../../core/errors.ts";
import { explainFailure } from "../../core/explain-failure.ts";
import { finishBuild } from "./attempts.ts";
import { changeChannel } from "./changes.ts";
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
  // A running one is ended by its worker; one that waits, for the first time or after it was given back, ends here.
  const isWaiting = (await queue.remove(client, [id])) > 0;
  if (!isWaiting && build.attempts > 0) return;
  const end = { result: "cancellation", failure: toFailure(reason), images: [] } as const;
  await finishBuild(client, { buildId: id, attempt: build.attempts }, end);
}

// What was looked for comes after what was delivered meanwhile, and may be older than that.
const mayReplaceSql = `((select origin from delivery where guid = (select delivery_guid from build where id = $2)) = 'webhook'
  or not exists (select from delivery where guid = build.delivery_guid and origin = 'webhook'))`;

/**
 * Ends the builds of the same branch that were never begun: this one has all that they have. One of what was looked for ends only
 * others of that. Its delivery is stored.
 */
export async function supersede(
  client: PoolClient,
  queue: BuildQueue,
  { repository, buildId }: Pick<QueuedBuild, "repository" | "buildId">,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `with ended as (update build set result = 'cancellation', failure = $3, finished_at = now()
       where repository = $1 and id < $2 and ref = (select ref from build where id = $2) and result is null and attempts = 0 and trigger in ('pull_request', 'reconcile')
         and ${mayReplaceSql} returning id),
       told as (insert into build_end (build_id) select id from ended)
     select id, pg_notify('${changeChannel}', id::text) from ended`,
    [repository, buildId, JSON.stringify(toFailure(supersededBy(buildId)))],
  );
  await queue.remove(
    client,
    rows.map(({ id }) => Number(id)),
  );
}

export function supersededBy(buildId: number): string {
  return `superseded by #${buildId}`;
}

function toFailure(reason: string): Failure {
  return explainFailure(new AppError("cancelled", reason), { stage: "queued", lastLines: [] });
}
