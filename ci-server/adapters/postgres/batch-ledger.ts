// What a batch of deliveries is decided against: what the ledger holds of its deliveries and merges, and what the batch adds.

import type { PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import type { Decision } from "../../core/decide.ts";
import type { Delivery } from "../../core/delivery.ts";
import { originOf, type StoredDelivery } from "./deliveries.ts";
import { mergeBuildSql } from "./merge-build.ts";
import type { QueueRoom } from "./queue-room.ts";
import type { RepositorySettings } from "./repository-settings.ts";
import type { StoredBody } from "./stored-body.ts";

/** `request` is there exactly when the decision is `build`. */
export interface Acceptance {
  readonly delivery: Delivery;
  readonly body: StoredBody;
  readonly decision: Decision;
  readonly request: BuildRequest | null;
}

const readLedgerSql = `
  select now() as now,
    (select coalesce(json_agg(json_build_object('guid', guid, 'digest', encode(body_digest, 'hex'), 'receivedAt', received_at,
       'reason', reason, 'buildId', build_id, 'origin', origin)), '[]') from delivery where guid = any($1::text[])) as stored,
    (select coalesce(json_agg(json_build_object('repositoryId', m.repository_id, 'repository', m.repository, 'number', m.number,
       'sha', m.sha, 'service', m.service, 'buildId', b.id)), '[]')
     from unnest($2::bigint[], $3::text[], $4::integer[], $5::text[], $6::text[]) as m(repository_id, repository, number, sha, service)
     cross join lateral (${mergeBuildSql}) b) as merges,
    array(select nextval(pg_get_serial_sequence('build', 'id')) from generate_series(1, cardinality($2::bigint[]))) as "freeIds"`;

/** The ledger as the batch found it, with what the batch itself has added so far. */
export interface Ledger {
  readonly now: string;
  readonly stored: Map<string, StoredDelivery>;
  /** Builds by merge. */
  readonly merges: Map<string, number>;
  readonly room: QueueRoom;
  readonly settings: RepositorySettings;
  /** For the batch's new builds, ascending. */
  readonly freeIds: number[];
}

/** As the statement gives it. */
interface LedgerRow {
  readonly now: Date;
  readonly stored: readonly StoredDelivery[];
  readonly merges: readonly (Merge & { readonly buildId: number })[];
  readonly freeIds: readonly string[];
}

/** What is counted and read from time to time, and not for every batch. */
export type Known = Pick<Ledger, "room" | "settings">;

export async function readLedger(
  client: PoolClient,
  { room, settings }: Known,
  batch: readonly Acceptance[],
): Promise<Ledger> {
  const merges = batch.flatMap((acceptance) => toMerge(acceptance) ?? []);
  const column = (name: keyof Merge) => merges.map((merge) => merge[name]);
  const columns = [column("repositoryId"), column("repository"), column("number"), column("sha"), column("service")];
  const values = [batch.map(({ delivery }) => delivery.guid), ...columns];
  const { rows } = await client.query<LedgerRow>({ name: "read-ledger", text: readLedgerSql, values });
  const [found] = rows;
  if (found === undefined) throw new Error("the ledger could not be read");
  const repositories = batch.flatMap(({ request }) => request?.repository ?? []);
  if (repositories.length > 0) await room.refresh(client, repositories);
  if (repositories.length > 0 && !settings.isKnown) await settings.refresh(client);
  return {
    now: found.now.toISOString(),
    stored: new Map(found.stored.map((one) => [one.guid, one])),
    merges: new Map(found.merges.map((merge) => [keyOf(merge), merge.buildId])),
    ...{ room, settings },
    freeIds: found.freeIds.map(Number),
  };
}

/** What makes two announcements the same merge: it comes from the signed body, or from git. */
export interface Merge {
  /** Null where git showed it. */
  readonly repositoryId: number | null;
  /** As it is configured: another forge may number its repositories alike. */
  readonly repository: string;
  readonly number: number;
  readonly sha: string;
  readonly service: string;
}

export function toMerge({ decision, request }: Acceptance): Merge | null {
  if (decision.verdict === "skip" || request === null) return null;
  const { repository, pullRequest, sha, service } = request;
  return {
    repositoryId: decision.repositoryId,
    repository,
    number: pullRequest?.number ?? 0,
    sha: sha ?? "",
    service: service ?? "",
  };
}

export function keyOf({ repositoryId, repository, number, sha, service }: Merge): string {
  return `${repositoryId} ${repository.toLowerCase()} ${number} ${sha} ${service}`;
}

/** Whether git showed it: it may be the same merge as one that goes by another key. */
export function isFound({ delivery }: Pick<Acceptance, "delivery">): boolean {
  return originOf(delivery) === "git";
}
