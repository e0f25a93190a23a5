// Stores deliveries that were looked for: all of them in one transaction, so that the newest supersedes the others before one of
// them is begun.

import type { Pool } from "pg";
import { AppError } from "../../core/errors.ts";
import type { Accepted, Arrived } from "../../core/ports.ts";
import { acceptAlone, type BatchParts } from "./accept-batch.ts";
import { BuildIds } from "./build-ids.ts";
import { type QueueLimits, QueueRoom } from "./queue-room.ts";
import { toStoredBody } from "./stored-body.ts";

export type AcceptAllParts = Pick<BatchParts, "queue" | "settings"> & { readonly limits: QueueLimits };

/** Beside the batches of the webhook, as another receiver is: with a count and with ids of its own. */
export async function acceptAll(
  pool: Pool,
  { queue, settings, limits }: AcceptAllParts,
  arrived: readonly Arrived[],
): Promise<Accepted[]> {
  if (arrived.length === 0) return [];
  const batch = await Promise.all(
    arrived.map(async (one) => ({ ...one, body: await toStoredBody(one.delivery.body) })),
  );
  const parts = { queue, settings, room: new QueueRoom(limits), ids: new BuildIds() };
  const outcomes = await acceptAlone(pool, parts, batch);
  return outcomes.map((outcome) => {
    if (outcome instanceof AppError) throw outcome;
    return outcome;
  });
}
