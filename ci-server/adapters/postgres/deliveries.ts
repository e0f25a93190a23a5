// Stores a delivery with its decision and, where it says so, its build and the build's place in the queue.

import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import type { Decision } from "../../core/decide.ts";
import type { Delivery } from "../../core/delivery.ts";
import { AppError } from "../../core/errors.ts";
import type { Accepted } from "../../core/ports.ts";
import { insertBuild } from "./builds.ts";
import type { BuildQueue } from "./queue.ts";

const compress = promisify(gzip);

export interface StoredBody {
  readonly compressed: Buffer;
  readonly digest: Buffer;
}

interface StoredDelivery {
  readonly body_digest: Buffer;
  readonly received_at: Date;
  readonly reason: string;
  readonly build_id: string | null;
}

/** Done before the transaction begins, so that no connection waits for it. */
export async function toStoredBody(body: Uint8Array): Promise<StoredBody> {
  return { compressed: await compress(body), digest: createHash("sha256").update(body).digest() };
}

/** `request` is there exactly when the decision is `build`. To be run in one transaction. */
export async function acceptDelivery(
  client: PoolClient,
  queue: BuildQueue,
  delivery: Delivery,
  body: StoredBody,
  decision: Decision,
  request: BuildRequest | null,
): Promise<Accepted> {
  const stored = await findDelivery(client, delivery.guid);
  if (stored !== null) return toDuplicate(delivery, body, stored);
  const accepted = await decideWithLedger(client, queue, delivery, decision, request);
  const inserted = await insertDelivery(client, delivery, body, decision, accepted);
  // The same GUID came in a second request meanwhile: that one holds. The caller tries again and finds it.
  if (!inserted) throw new AppError("conflict", "the same delivery is being stored", { details: { retry: true } });
  return accepted;
}

/** The rules know the event only; the ledger knows whether the merge has a build already. */
async function decideWithLedger(
  client: PoolClient,
  queue: BuildQueue,
  delivery: Delivery,
  decision: Decision,
  request: BuildRequest | null,
): Promise<Accepted> {
  const { guid } = delivery;
  const { verdict, reason } = decision;
  if (decision.verdict === "skip" || request === null) return { guid, verdict, reason, buildId: null };
  const { id, isNew } = await insertBuild(client, request, decision.repositoryId);
  if (!isNew) return { guid, verdict: "skip", reason: `${reason}; it is build ${id} already`, buildId: id };
  await queue.send(client, id, request.repository);
  return { guid, verdict, reason, buildId: id };
}

async function findDelivery(client: PoolClient, guid: string): Promise<StoredDelivery | null> {
  const sql = "select body_digest, received_at, reason, build_id from delivery where guid = $1";
  const { rows } = await client.query<StoredDelivery>(sql, [guid]);
  return rows[0] ?? null;
}

function toDuplicate(delivery: Delivery, body: StoredBody, stored: StoredDelivery): Accepted {
  if (!stored.body_digest.equals(body.digest)) {
    const message = `delivery ${delivery.guid} was stored before with another body; a forge never does that: check who sends it`;
    throw new AppError("conflict", message);
  }
  return {
    guid: delivery.guid,
    verdict: "duplicate",
    reason: `stored on ${stored.received_at.toISOString()}: ${stored.reason}`,
    buildId: stored.build_id === null ? null : Number(stored.build_id),
  };
}

async function insertDelivery(
  client: PoolClient,
  delivery: Delivery,
  body: StoredBody,
  decision: Decision,
  accepted: Accepted,
): Promise<boolean> {
  const { event } = delivery;
  const result = await client.query(
    `insert into delivery (guid, forge, name, action, repository, hook_id, body, body_digest, verdict, reason, rules, build_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (guid) do nothing`,
    [
      delivery.guid,
      delivery.forge,
      delivery.name,
      event.action,
      event.repository,
      delivery.hookId,
      body.compressed,
      body.digest,
      accepted.verdict,
      accepted.reason,
      JSON.stringify(decision.rules),
      accepted.buildId,
    ],
  );
  return result.rowCount === 1;
}
