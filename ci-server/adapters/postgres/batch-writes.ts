// Writes what a batch of deliveries leads to: its deliveries, builds, commands and jobs, in two statements.

import type { PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import type { NewCommand } from "../../core/decide-comment.ts";
import type { Delivery } from "../../core/delivery.ts";
import type { Concurrency } from "../../core/recipe.ts";
import { activityKey, changeChannel } from "./changes.ts";
import type { BuildQueue } from "./queue.ts";
import { together } from "./transaction.ts";

const buildColumns =
  "id, repository, trigger, sha, ref, service, version, repository_id, pull_request_number, pull_request, delivery_guid, traceparent";
const deliveryColumns =
  "guid, forge, name, action, repository, hook_id, headers, secret_id, body_digest, body_bytes, verdict, reason, rules, build_id, title, is_origin, origin";
const commandColumns =
  "forge, repository, repository_id, comment_id, pull_request, author, command, commented_at, delivery_guid";

// Of a merge that git showed nobody knows the forge's id of its repository: no index keeps its delivery from building it again.
const reconciledSql = `select from build r where r.trigger = 'reconcile' and not r.replay and lower(r.repository) = lower(n.repository)
  and r.sha = n.sha and coalesce(r.service, '') = coalesce(n.service, '')`;
// The bodies come as one value with the place of each in it: the only way to hand over bytes as they are.
const toWriteSql = (more: string) => `
  with new_build as (
    insert into build (${buildColumns}) overriding system value
    select ${buildColumns} from json_populate_recordset(null::build, $1::json) n where not exists (${reconciledSql}) on conflict do nothing returning 1),
  new_delivery as (
    insert into delivery (${deliveryColumns}, body)
    select ${deliveryColumns}, substr($3::bytea, ($4::integer[])[place], ($5::integer[])[place])
    from (select *, row_number() over () as place from json_populate_recordset(null::delivery, $2::json)) d order by place
    on conflict do nothing returning id, verdict, build_id),
  ${more}noted as (
    insert into change (build_id, delivery_id)
    select case verdict when 'build' then build_id end, case verdict when 'build' then null else id end from new_delivery)
  select pg_notify('${changeChannel}', '${activityKey}'), (select count(*)::integer from new_build) as builds, (select count(*)::integer from new_delivery) as deliveries`;

// Few batches have commands: the others do not pay for them.
const writeSql = toWriteSql("");
const writeWithCommandsSql = toWriteSql(`new_command as (
    insert into comment_command (${commandColumns})
    select ${commandColumns} from json_populate_recordset(null::comment_command, $6::json) on conflict do nothing),
  `);

type Row = Readonly<Record<string, unknown>>;

export interface NewBuild {
  readonly buildId: number;
  readonly repository: string;
  readonly concurrency: Concurrency;
  readonly row: Row;
}

export interface Writes {
  readonly builds: NewBuild[];
  readonly deliveries: { readonly row: Row; readonly body: Buffer }[];
  /** A comment that was a command before is none once more. */
  readonly commands: Row[];
}

export function toBuildRow(id: number, repositoryId: number | null, request: BuildRequest): Row {
  const { repository, trigger, sha, ref, service, version, pullRequest, deliveryGuid } = request;
  return {
    ...{ id, repository, trigger, sha, ref, service, version, repository_id: repositoryId },
    ...{
      pull_request_number: pullRequest?.number ?? null,
      pull_request: pullRequest,
    },
    ...{ delivery_guid: deliveryGuid, traceparent: request.traceparent ?? null },
  };
}

export function toCommandRow({ forge, guid }: Delivery, command: NewCommand): Row {
  const { repository, repositoryId, commentId, pullRequest, author, commentedAt } = command;
  return {
    ...{ forge, repository, repository_id: repositoryId, comment_id: commentId, pull_request: pullRequest },
    ...{ author, command: command.command, commented_at: commentedAt, delivery_guid: guid },
  };
}

/** False when something of it was there before. */
export async function write(client: PoolClient, queue: BuildQueue, writes: Writes): Promise<boolean> {
  const { builds, deliveries, commands } = writes;
  if (deliveries.length === 0) return true;
  const json = [builds.map(({ row }) => row), deliveries.map(({ row }) => row)].map((some) => JSON.stringify(some));
  const values = [...json, ...packBodies(deliveries.map(({ body }) => body))];
  const statement =
    commands.length === 0
      ? { name: "write-batch", text: writeSql, values }
      : { name: "write-commands", text: writeWithCommandsSql, values: [...values, JSON.stringify(commands)] };
  const writing = client.query<Written>(statement);
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
