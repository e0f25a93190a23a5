// Stores a delivery with its decision and, where it says so, its build and the build's place in the queue.

import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import { type Decision, withFullQueue, withLedger } from "../../core/decide.ts";
import type { Delivery, RuleVerdict } from "../../core/delivery.ts";
import { AppError } from "../../core/errors.ts";
import type { Accepted } from "../../core/ports.ts";
import { insertBuild } from "./builds.ts";
import { findMergeBuild } from "./ledger.ts";
import type { BuildQueue } from "./queue.ts";
import { fullQueue, type QueueLimits, supersede } from "./steering.ts";

const compress = promisify(gzip);

export interface StoredBody {
  readonly compressed: Buffer;
  readonly digest: Buffer;
  readonly bytes: number;
}

interface StoredDelivery {
  readonly body_digest: Buffer;
  readonly received_at: Date;
  readonly reason: string;
  readonly build_id: string | null;
}

/** What the ledger adds to a decision: whether the merge has a build already. */
interface Recorded extends Accepted {
  readonly rules: readonly RuleVerdict[];
}

/** Done before the transaction begins, so that no connection waits for it. */
export async function toStoredBody(body: Uint8Array): Promise<StoredBody> {
  const digest = createHash("sha256").update(body).digest();
  return { compressed: await compress(body), digest, bytes: body.length };
}

/** `request` is there exactly when the decision is `build`. */
export interface Acceptance {
  readonly queue: BuildQueue;
  readonly limits: QueueLimits;
  readonly delivery: Delivery;
  readonly body: StoredBody;
  readonly decision: Decision;
  readonly request: BuildRequest | null;
}

/** To be run in one transaction. */
export async function acceptDelivery(client: PoolClient, acceptance: Acceptance): Promise<Accepted> {
  const { delivery, body } = acceptance;
  const stored = await findStored(client, delivery.guid);
  if (stored !== null) return toDuplicate(delivery, body, stored);
  const { rules, ...accepted } = await decideWithLedger(client, acceptance);
  const inserted = await insertDelivery(client, delivery, body, { ...accepted, rules });
  // The same GUID came in a second request meanwhile: that one holds. The caller tries again and finds it.
  if (!inserted) throw new AppError("conflict", "the same delivery is being stored", { details: { retry: true } });
  return accepted;
}

async function decideWithLedger(
  client: PoolClient,
  { queue, limits, delivery, decision, request }: Acceptance,
): Promise<Recorded> {
  const { guid } = delivery;
  if (decision.verdict === "skip" || request === null) return { guid, ...pick(decision), buildId: null };
  const known = await findMergeBuild(client, request, decision.repositoryId);
  const full = known === null ? await fullQueue(client, request, limits) : null;
  if (full !== null) return { guid, ...pick(withFullQueue(decision, full)), buildId: null };
  // Another request may be storing the same merge right now: then this waits for it, and the build is not new.
  const { id, isNew } = await insertBuild(client, request, { repositoryId: decision.repositoryId, replay: false });
  if (isNew) {
    await queue.send(client, id, request.repository);
    if (decision.repository.concurrency === "supersede") await supersede(client, request.repository, id);
  }
  return { guid, ...pick(withLedger(decision, isNew ? null : id)), buildId: id };
}

function pick({ verdict, reason, rules }: Decision): Omit<Recorded, "guid" | "buildId"> {
  return { verdict, reason, rules };
}

async function findStored(client: PoolClient, guid: string): Promise<StoredDelivery | null> {
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
  recorded: Recorded,
): Promise<boolean> {
  const { event } = delivery;
  const row = {
    ...{
      guid: delivery.guid,
      forge: delivery.forge,
      name: delivery.name,
      action: event.action,
      repository: event.repository,
    },
    ...{ hook_id: delivery.hookId, headers: JSON.stringify(delivery.headers), secret_id: delivery.secretId },
    ...{ body: body.compressed, body_digest: body.digest, body_bytes: body.bytes },
    ...{
      verdict: recorded.verdict,
      reason: recorded.reason,
      rules: JSON.stringify(recorded.rules),
      build_id: recorded.buildId,
    },
  };
  const names = Object.keys(row);
  const places = names.map((_name, index) => `$${index + 1}`);
  const sql = `insert into delivery (${names.join(", ")}) values (${places.join(", ")}) on conflict (guid) do nothing`;
  return (await client.query(sql, Object.values(row))).rowCount === 1;
}
