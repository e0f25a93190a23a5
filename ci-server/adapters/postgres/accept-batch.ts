// Stores a batch of deliveries in one transaction: decides in the order of arrival against what the ledger holds, then writes
// deliveries, builds and jobs. Few statements, each prepared: on the way of a delivery every one counts.

import type { Pool, PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import { type BuildDecision, type Decision, withFullQueue, withLedger } from "../../core/decide.ts";
import type { Delivery } from "../../core/delivery.ts";
import type { AppError } from "../../core/errors.ts";
import type { Accepted } from "../../core/ports.ts";
import type { BuildIds } from "./build-ids.ts";
import { type Recorded, type StoredDelivery, toDeliveryRow, toDuplicate } from "./deliveries.ts";
import type { BuildQueue } from "./queue.ts";
import type { QueueRoom } from "./queue-room.ts";
import { supersede } from "./steering.ts";
import type { StoredBody } from "./stored-body.ts";
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

const readLedgerSql = `
  select now() as now,
    (select coalesce(json_agg(json_build_object('guid', guid, 'digest', encode(body_digest, 'hex'), 'receivedAt', received_at,
       'reason', reason, 'buildId', build_id)), '[]') from delivery where guid = any($1::text[])) as stored,
    (select coalesce(json_agg(json_build_object('repositoryId', m.repository_id, 'number', m.number, 'sha', m.sha,
       'service', m.service, 'buildId', b.id)), '[]')
     from unnest($2::bigint[], $3::integer[], $4::text[], $5::text[]) as m(repository_id, number, sha, service)
     cross join lateral (select id from build where trigger = 'pull_request' and not replay and repository_id = m.repository_id
       and pull_request_number = m.number and sha = m.sha and coalesce(build.service, '') = m.service limit 1) b) as merges,
    array(select nextval(pg_get_serial_sequence('build', 'id')) from generate_series(1, cardinality($2::bigint[]))) as "freeIds"`;

const buildColumns =
  "id, repository, trigger, sha, ref, service, version, repository_id, pull_request_number, pull_request, delivery_guid";
const deliveryColumns =
  "guid, forge, name, action, repository, hook_id, headers, secret_id, body_digest, body_bytes, verdict, reason, rules, build_id";

// The bodies come as one value with the place of each in it: the only way to hand over bytes as they are.
const writeSql = `
  with new_build as (
    insert into build (${buildColumns}) overriding system value
    select ${buildColumns} from json_populate_recordset(null::build, $1::json) on conflict do nothing returning 1),
  new_delivery as (
    insert into delivery (${deliveryColumns}, body)
    select ${deliveryColumns}, substr($3::bytea, ($4::integer[])[place], ($5::integer[])[place])
    from (select *, row_number() over () as place from json_populate_recordset(null::delivery, $2::json)) d order by place
    on conflict do nothing returning 1)
  select (select count(*)::integer from new_build) as builds, (select count(*)::integer from new_delivery) as deliveries`;

/** `request` is there exactly when the decision is `build`. */
export interface Acceptance {
  readonly delivery: Delivery;
  readonly body: StoredBody;
  readonly decision: Decision;
  readonly request: BuildRequest | null;
}

export interface BatchParts {
  readonly queue: BuildQueue;
  readonly room: QueueRoom;
  readonly ids: BuildIds;
}

type Row = Readonly<Record<string, unknown>>;

/** The ledger as the batch found it, with what the batch itself has added so far. */
interface Ledger {
  readonly now: string;
  readonly stored: Map<string, StoredDelivery>;
  /** Builds by merge. */
  readonly merges: Map<string, number>;
  readonly room: QueueRoom;
  /** For the batch's new builds, ascending. */
  readonly freeIds: number[];
}

interface NewBuild {
  readonly buildId: number;
  readonly repository: string;
  readonly supersedes: boolean;
  readonly row: Row;
}

interface Writes {
  readonly builds: NewBuild[];
  readonly deliveries: { readonly row: Row; readonly body: Buffer }[];
}

/** As the statement gives it. */
interface LedgerRow {
  readonly now: Date;
  readonly stored: readonly StoredDelivery[];
  readonly merges: readonly (Merge & { readonly buildId: number })[];
  readonly freeIds: readonly string[];
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
  const { room, ids } = parts;
  const merges = batch.filter((acceptance) => toMerge(acceptance) !== null);
  if (merges.some(({ decision }) => decision.verdict === "build" && decision.repository.concurrency === "supersede"))
    return null;
  if (!room.isKnown(merges.flatMap(({ request }) => request?.repository ?? []))) return null;
  const freeIds = ids.take(merges.length);
  if (freeIds === null) return null;
  const ledger = { now: new Date().toISOString(), stored: new Map(), merges: new Map(), room, freeIds };
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

async function acceptAlone(pool: Pool, parts: BatchParts, batch: readonly Acceptance[]): Promise<Outcomes> {
  const work = async (client: PoolClient) => {
    const { writes, outcomes } = decideAll(await readLedger(client, parts.room, batch), batch);
    if (!(await write(client, parts.queue, writes))) throw new Error("a batch that was alone met another one");
    for (const build of newest(writes.builds)) if (build.supersedes) await supersede(client, parts.queue, build);
    await parts.ids.refill(client, writes.builds.length);
    return outcomes;
  };
  return transaction(pool, work, beginAlone);
}

/** Of each repository. */
function newest(builds: readonly NewBuild[]): Iterable<NewBuild> {
  return new Map(builds.map((build) => [build.repository, build])).values();
}

function decideAll(
  ledger: Ledger,
  batch: readonly Acceptance[],
): { readonly writes: Writes; readonly outcomes: Outcomes } {
  const writes: Writes = { builds: [], deliveries: [] };
  return { writes, outcomes: batch.map((acceptance) => acceptOne(ledger, writes, acceptance)) };
}

async function readLedger(client: PoolClient, room: QueueRoom, batch: readonly Acceptance[]): Promise<Ledger> {
  const merges = batch.flatMap((acceptance) => toMerge(acceptance) ?? []);
  const column = (name: keyof Merge) => merges.map((merge) => merge[name]);
  const columns = [column("repositoryId"), column("number"), column("sha"), column("service")];
  const values = [batch.map(({ delivery }) => delivery.guid), ...columns];
  const { rows } = await client.query<LedgerRow>({ name: "read-ledger", text: readLedgerSql, values });
  const [found] = rows;
  if (found === undefined) throw new Error("the ledger could not be read");
  const repositories = batch.flatMap(({ request }) => request?.repository ?? []);
  if (repositories.length > 0) await room.refresh(client, repositories);
  return {
    now: found.now.toISOString(),
    stored: new Map(found.stored.map((one) => [one.guid, one])),
    merges: new Map(found.merges.map((merge) => [keyOf(merge), merge.buildId])),
    room,
    freeIds: found.freeIds.map(Number),
  };
}

/** What makes two announcements the same merge: it comes from the signed body. */
interface Merge {
  readonly repositoryId: number;
  readonly number: number;
  readonly sha: string;
  readonly service: string;
}

function toMerge({ decision, request }: Acceptance): Merge | null {
  if (decision.verdict === "skip" || request === null) return null;
  const { pullRequest, sha, service } = request;
  return {
    repositoryId: decision.repositoryId,
    number: pullRequest?.number ?? 0,
    sha: sha ?? "",
    service: service ?? "",
  };
}

function keyOf({ repositoryId, number, sha, service }: Merge): string {
  return `${repositoryId} ${number} ${sha} ${service}`;
}

function acceptOne(ledger: Ledger, writes: Writes, acceptance: Acceptance): Accepted | AppError {
  const { delivery, body } = acceptance;
  const known = ledger.stored.get(delivery.guid);
  if (known !== undefined) return toDuplicate(delivery, body, known);
  const recorded = record(ledger, writes, acceptance);
  writes.deliveries.push({ row: toDeliveryRow(delivery, body, recorded), body: body.compressed });
  const { rules: _kept, ...accepted } = recorded;
  const { guid, reason, buildId } = accepted;
  ledger.stored.set(guid, { guid, digest: body.digest, receivedAt: ledger.now, reason, buildId });
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
  const full = ledger.room.full(request.repository);
  if (full !== null) return as(withFullQueue(decision, full), null);
  const { buildId } = addBuild(ledger, writes, decision, request);
  ledger.merges.set(keyOf(merge), buildId);
  return as(withLedger(decision, null), buildId);
}

function addBuild(ledger: Ledger, writes: Writes, decision: BuildDecision, request: BuildRequest): NewBuild {
  const buildId = ledger.freeIds.shift();
  if (buildId === undefined) throw new Error("fewer build ids were taken than there are requests");
  const { repository } = request;
  const supersedes = decision.repository.concurrency === "supersede";
  ledger.room.add(repository, supersedes);
  const build = { buildId, repository, supersedes, row: toBuildRow(buildId, decision.repositoryId, request) };
  writes.builds.push(build);
  return build;
}

function toBuildRow(id: number, repositoryId: number, request: BuildRequest): Row {
  const { repository, trigger, sha, ref, service, version, pullRequest, deliveryGuid } = request;
  return {
    ...{ id, repository, trigger, sha, ref, service, version, repository_id: repositoryId },
    ...{
      pull_request_number: pullRequest?.number ?? null,
      pull_request: pullRequest,
    },
    ...{ delivery_guid: deliveryGuid },
  };
}

/** False when something of it was there before. */
async function write(client: PoolClient, queue: BuildQueue, { builds, deliveries }: Writes): Promise<boolean> {
  if (deliveries.length === 0) return true;
  const json = [builds.map(({ row }) => row), deliveries.map(({ row }) => row)].map((some) => JSON.stringify(some));
  const values = [...json, ...packBodies(deliveries.map(({ body }) => body))];
  const writing = client.query<Written>({ name: "write-batch", text: writeSql, values });
  const [{ rows }] = await together([writing, queue.send(client, builds)]);
  return rows[0]?.builds === builds.length && rows[0].deliveries === deliveries.length;
}

interface Written {
  readonly builds: number;
  readonly deliveries: number;
}

/** All bodies in one value, where each begins (from 1), and its length. */
function packBodies(bodies: readonly Buffer[]): [Buffer, number[], number[]] {
  const lengths = bodies.map(({ length }) => length);
  let end = 1;
  const begins = lengths.map((length) => {
    end += length;
    return end - length;
  });
  return [Buffer.concat(bodies), begins, lengths];
}
