// Stores a batch of deliveries in one transaction: decides in the order of arrival against what the ledger holds, then writes
// deliveries, builds and jobs. Few statements, each prepared: on the way of a delivery every one counts.

import type { Pool, PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import { type BuildDecision, type Decision, withFullQueue, withLedger } from "../../core/decide.ts";
import type { AppError } from "../../core/errors.ts";
import type { Accepted } from "../../core/ports.ts";
import type { Concurrency } from "../../core/recipe.ts";
import { type Acceptance, type Known, keyOf, type Ledger, readLedger, toMerge } from "./batch-ledger.ts";
import { type NewBuild, toBuildRow, toCommandRow, type Writes, write } from "./batch-writes.ts";
import type { BuildIds } from "./build-ids.ts";
import { originOf, type Recorded, toDeliveryRow, toDuplicate } from "./deliveries.ts";
import type { BuildQueue } from "./queue.ts";
import type { QueueRoom } from "./queue-room.ts";
import type { RepositorySettings } from "./repository-settings.ts";
import { supersede } from "./steering.ts";
import { together, transaction } from "./transaction.ts";

// Whoever freezes in the lock is ended by the database, so that the other receivers can go on.
const idleMsMax = 5_000;

/**
 * The statements are planned once for each connection: a plan made while the tables were small would read them whole for ever.
 * Alone, a batch is the only one on its database, whichever receiver has it: what it reads holds until it has written.
 */
const beginAlone = `begin; set local enable_seqscan = off; set local idle_in_transaction_session_timeout = ${idleMsMax};
  select pg_advisory_xact_lock(7310002)`;
const beginFresh = beginAlone.replace("xact_lock", "xact_lock_shared");

export interface BatchParts {
  readonly queue: BuildQueue;
  readonly room: QueueRoom;
  readonly settings: RepositorySettings;
  readonly ids: BuildIds;
}

type Outcomes = (Accepted | AppError)[];

/** One outcome for each acceptance, in their order. After a throw nothing of the batch is stored. */
export async function acceptBatch(pool: Pool, parts: BatchParts, batch: readonly Acceptance[]): Promise<Outcomes> {
  try {
    return (await acceptFresh(pool, parts, batch)) ?? (await acceptAlone(pool, parts, batch));
  } catch (cause) {
    parts.room.forget();
    throw cause;
  }
}

/**
 * As is usual, nothing of the batch is known yet: it is written without a look at the ledger. Null when something was known
 * after all, and nothing is written then. Several receivers may do so at once.
 */
async function acceptFresh(pool: Pool, parts: BatchParts, batch: readonly Acceptance[]): Promise<Outcomes | null> {
  const { room, settings, ids } = parts;
  const merges = batch.filter((acceptance) => toMerge(acceptance) !== null);
  if (!settings.isKnown || merges.some((acceptance) => concurrencyOf(parts, acceptance) === "supersede")) return null;
  if (!room.isKnown(merges.flatMap(({ request }) => request?.repository ?? []))) return null;
  const freeIds = ids.take(merges.length);
  if (freeIds === null) return null;
  const ledger = { now: new Date().toISOString(), stored: new Map(), merges: new Map(), room, settings, freeIds };
  const { writes, outcomes } = decideAll(ledger, batch);
  const work = async (client: PoolClient) => {
    const [isWritten] = await together([write(client, parts.queue, writes), ids.refill(client, merges.length)]);
    if (!isWritten) throw new KnownBefore();
    return outcomes;
  };
  return transaction(pool, work, beginFresh).catch((cause: unknown) => {
    if (!(cause instanceof KnownBefore)) throw cause;
    room.forget();
    return null;
  });
}

/** Takes back a batch that was not fresh. */
class KnownBefore extends Error {}

/** While it runs no other batch does, of whatever process: what the ledger holds of it is seen. */
export async function acceptAlone(pool: Pool, parts: BatchParts, batch: readonly Acceptance[]): Promise<Outcomes> {
  parts.ids.forget();
  const work = async (client: PoolClient) => {
    const { writes, outcomes } = decideAll(await readLedger(client, parts, batch), batch);
    if (!(await write(client, parts.queue, writes))) throw new Error("a batch that was alone met another one");
    for (const build of newest(writes.builds))
      if (build.concurrency === "supersede") await supersede(client, parts.queue, build);
    await parts.ids.refill(client, writes.builds.length);
    return outcomes;
  };
  return transaction(pool, work, beginAlone);
}

/** Of each branch. */
function newest(builds: readonly NewBuild[]): Iterable<NewBuild> {
  return new Map(builds.map((build) => [`${build.repository} ${build.row.ref}`, build])).values();
}

function decideAll(
  ledger: Ledger,
  batch: readonly Acceptance[],
): { readonly writes: Writes; readonly outcomes: Outcomes } {
  const writes: Writes = { builds: [], deliveries: [], commands: [] };
  return { writes, outcomes: batch.map((acceptance) => acceptOne(ledger, writes, acceptance)) };
}

function acceptOne(ledger: Ledger, writes: Writes, acceptance: Acceptance): Accepted | AppError {
  const { delivery, body } = acceptance;
  const known = ledger.stored.get(delivery.guid);
  if (known !== undefined) return toDuplicate(delivery, body, known);
  const recorded = record(ledger, writes, acceptance);
  writes.deliveries.push({ row: toDeliveryRow(delivery, body, recorded), body: body.compressed });
  const { decision } = acceptance;
  if (decision.verdict === "skip" && decision.command !== undefined)
    writes.commands.push(toCommandRow(delivery, decision.command));
  const { rules: _kept, ...accepted } = recorded;
  const { guid, reason, buildId } = accepted;
  ledger.stored.set(guid, {
    guid,
    digest: body.digest,
    receivedAt: ledger.now,
    reason,
    buildId,
    origin: originOf(delivery),
  });
  return accepted;
}

function record(ledger: Ledger, writes: Writes, acceptance: Acceptance): Recorded {
  const { delivery, decision, request } = acceptance;
  const merge = toMerge(acceptance);
  const as = ({ verdict, reason, rules }: Decision, buildId: number | null) => {
    return { guid: delivery.guid, verdict, reason, rules, buildId };
  };
  if (decision.verdict === "skip" || request === null || merge === null) return as(decision, null);
  const known = ledger.merges.get(keyOf(merge));
  if (known !== undefined) return as(withLedger(decision, known), known);
  const concurrency = concurrencyOf(ledger, acceptance);
  const full = ledger.room.full(request.repository, concurrency === "supersede");
  if (full !== null) return as(withFullQueue(decision, full), null);
  const { buildId } = addBuild(ledger, writes, { decision, request, concurrency });
  ledger.merges.set(keyOf(merge), buildId);
  return as(withLedger(decision, null), buildId);
}

/** What the operator wrote goes before what the repository's own file said last. */
function concurrencyOf({ settings }: Known, { decision, request }: Acceptance): Concurrency {
  const written = decision.verdict === "build" ? decision.repository.concurrency : null;
  return written ?? settings.concurrencyOf(request?.repository ?? "");
}

interface Decided {
  readonly decision: BuildDecision;
  readonly request: BuildRequest;
  readonly concurrency: Concurrency;
}

function addBuild(ledger: Ledger, writes: Writes, { decision, request, concurrency }: Decided): NewBuild {
  const buildId = ledger.freeIds.shift();
  if (buildId === undefined) throw new Error("fewer build ids were taken than there are requests");
  const { repository } = request;
  ledger.room.add(repository, concurrency === "supersede");
  const build = { buildId, repository, concurrency, row: toBuildRow(buildId, decision.repositoryId, request) };
  writes.builds.push(build);
  return build;
}
