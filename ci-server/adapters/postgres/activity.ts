// The activity: builds and those deliveries that no build was made of, as one list by time. Which ones belong on a page is asked
// of two indexes, a page of each; what they are is read after that.

import type { Pool } from "pg";
import {
  type ActivityDelivery,
  type ActivityItem,
  type ActivityList,
  type ActivityPage,
  searchedMax,
} from "../../core/activity.ts";
import type { Build } from "../../core/build.ts";
import { AppError } from "../../core/errors.ts";
import type { Activity } from "../../core/ports.ts";
import { buildMatches, deliveryMatches, type Search, toSearch } from "./activity-search.ts";
import { findBuilds } from "./builds.ts";
import { findMedians } from "./medians.ts";
import { withDatabaseErrors } from "./store.ts";

/** A build or a delivery. Builds stand before deliveries of the same microsecond. */
type Kind = "b" | "d";

interface Place {
  readonly kind: Kind;
  readonly id: number;
  /** Microseconds since 1970. */
  readonly at: string;
}

interface PlaceRow {
  readonly kind: Kind;
  readonly id: string;
  readonly at: string;
}

const positionPattern = /^(\d{1,17})-([bd])(\d{1,15})$/;
const idPattern = /^([bd])(\d{1,15})$/;
const micros = (column: string) => `(extract(epoch from ${column}) * 1000000)::bigint`;

export function createActivity(pool: Pool): Activity {
  return {
    ...withDatabaseErrors<Pick<Activity, "page" | "items">>({
      page: (page) => readPage(pool, page),
      items: async (ids) => readItems(pool, await placesOf(pool, ids)),
    }),
    idOfBuild: (buildId) => `b${buildId}`,
  };
}

async function readPage(pool: Pool, page: ActivityPage): Promise<ActivityList> {
  const before = page.before === null ? null : parsePosition(page.before);
  const search = toSearch(page.q);
  const end = search === null ? null : await findSearchEnd(pool, page, before);
  const found = await findPlaces(pool, { page, before, search });
  const places = end === null ? found : found.filter((place) => !isAfter(place, end));
  const last = places.length === page.limit ? places.at(-1) : (end ?? undefined);
  return { items: await readItems(pool, places), next: last === undefined ? null : toPosition(last) };
}

type Asked = Omit<Query, "put">;

async function findPlaces(pool: Pool, asked: Asked): Promise<Place[]> {
  const values: unknown[] = [];
  const query = { ...asked, put: (value: unknown) => `$${values.push(value)}` };
  const halves = [...buildsSql(query), ...deliveriesSql(query)];
  if (halves.length === 0) return [];
  const { rows } = await pool.query<PlaceRow>(
    `select kind, id, at from (${halves.map((half) => `(${half})`).join(" union all ")}) as item
     order by at desc, kind, id desc limit ${query.put(asked.page.limit)}`,
    values,
  );
  return rows.map(toPlace);
}

/** Of both halves so many are looked through; the search ends where the first of the two ends. Null: at the end of the list. */
async function findSearchEnd(pool: Pool, page: ActivityPage, before: Place | null): Promise<Place | null> {
  const values: unknown[] = [];
  const query: Query = { page: { ...page, limit: 1 }, before, search: null, put: (value) => `$${values.push(value)}` };
  const halves = [...buildsSql(query), ...deliveriesSql(query)].map((half) => `(${half} offset ${searchedMax - 1})`);
  if (halves.length === 0) return null;
  const { rows } = await pool.query<PlaceRow>(
    `select kind, id, at from (${halves.join(" union all ")}) as item order by at desc, kind, id desc limit 1`,
    values,
  );
  return rows[0] === undefined ? null : toPlace(rows[0]);
}

/** Further down the list. */
function isAfter(place: Place, other: Place): boolean {
  if (place.at !== other.at) return BigInt(place.at) < BigInt(other.at);
  return place.kind === other.kind ? place.id < other.id : place.kind > other.kind;
}

function toPlace({ kind, id, at }: PlaceRow): Place {
  return { kind, id: Number(id), at };
}

function toPosition({ at, kind, id }: Place): string {
  return `${at}-${kind}${id}`;
}

interface Query {
  readonly page: ActivityPage;
  readonly before: Place | null;
  readonly search: Search | null;
  /** Takes a value, and gives its place in the statement. */
  readonly put: (value: unknown) => string;
}

/** What stands after `before`: of the same time those with a lower id, and after a build all deliveries. */
function afterSql({ before, put }: Query, column: string, kind: Kind): string[] {
  if (before === null) return [];
  const time = `timestamptz 'epoch' + ${put(before.at)}::bigint * interval '1 microsecond'`;
  if (before.kind === kind) return [`(${column}, id) < (${time}, ${put(before.id)}::bigint)`];
  return [`${column} ${kind === "d" ? "<=" : "<"} ${time}`];
}

function ofRepository({ page, put }: Query): string[] {
  return page.repository === null ? [] : [`lower(repository) = lower(${put(page.repository)}::text)`];
}

function buildsSql(query: Query): string[] {
  const { verdict, result } = query.page;
  if (verdict === "skip" && result !== null && result !== "skip") return [];
  const conditions = [
    ...afterSql(query, "created_at", "b"),
    ...ofRepository(query),
    // The second one lets the planner see which index has them.
    ...(result === null ? [] : [`result = ${query.put(result)}::text`]),
    ...(result === null || result === "success" ? [] : ["result <> 'success'"]),
    ...(verdict === "skip" ? ["result = 'skip'"] : []),
    ...(verdict === "build" ? ["result is distinct from 'skip'"] : []),
  ];
  const matches = query.search === null ? null : buildMatches(query.search, query.put);
  return [halfSql(query, { kind: "b", table: "build", time: "created_at", conditions, matches })];
}

/** Nothing was built of them. */
function deliveriesSql(query: Query): string[] {
  const { verdict, result } = query.page;
  if (verdict === "build" || result !== null) return [];
  const conditions = ["not is_origin", ...afterSql(query, "received_at", "d"), ...ofRepository(query)];
  const matches = query.search === null ? null : deliveryMatches(query.search, query.put);
  return [halfSql(query, { kind: "d", table: "delivery", time: "received_at", conditions, matches })];
}

interface Half {
  readonly kind: Kind;
  readonly table: string;
  readonly time: string;
  readonly conditions: readonly string[];
  /** What is searched for, in those that fit. */
  readonly matches: string | null;
}

function halfSql({ page, put }: Query, { kind, table, time, conditions, matches }: Half): string {
  const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
  const order = `order by ${time} desc, id desc`;
  const from =
    matches === null
      ? `${table} ${where}`
      : `(select * from ${table} ${where} ${order} limit ${searchedMax}) as recent where ${matches}`;
  return `select '${kind}' as kind, id, ${micros(time)} as at from ${from} ${order} limit ${put(page.limit)}`;
}

async function placesOf(pool: Pool, ids: readonly string[]): Promise<Place[]> {
  const parsed = ids.flatMap((id) => {
    const match = idPattern.exec(id);
    return match === null ? [] : [{ kind: match[1], id: Number(match[2]) }];
  });
  const of = (kind: Kind) => parsed.filter((one) => one.kind === kind).map(({ id }) => id);
  const { rows } = await pool.query<PlaceRow>(
    `select 'b' as kind, id, ${micros("created_at")} as at from build where id = any($1::bigint[])
     union all select 'd', id, ${micros("received_at")} from delivery where id = any($2::bigint[]) and not is_origin
     order by at desc, kind, id desc`,
    [of("b"), of("d")],
  );
  return rows.map(toPlace);
}

function parsePosition(text: string): Place {
  const [, at, kind, id] = positionPattern.exec(text) ?? [];
  if (at === undefined || (kind !== "b" && kind !== "d"))
    throw new AppError("invalid", `"before" is no position of this list; take what "next" says`);
  return { at, kind, id: Number(id) };
}

interface DeliveryRow extends ActivityDelivery {
  readonly id: string;
  readonly buildId: string | null;
}

async function readItems(pool: Pool, places: readonly Place[]): Promise<ActivityItem[]> {
  const of = (kind: Kind) => places.filter((place) => place.kind === kind).map(({ id }) => id);
  const [builds, deliveries] = await Promise.all([findBuilds(pool, of("b")), findDeliveries(pool, of("b"), of("d"))]);
  const medians = await findMedians(
    pool,
    builds.map(({ repository }) => repository),
  );
  const buildsById = new Map(builds.map((build) => [build.id, build]));
  return places.flatMap((place) => {
    const build = place.kind === "b" ? (buildsById.get(place.id) ?? null) : null;
    const row = deliveries.find((one) =>
      place.kind === "b" ? Number(one.buildId) === place.id : one.buildId === null && Number(one.id) === place.id,
    );
    // It was removed since its place was found.
    if (build === null && row === undefined) return [];
    return [toItem(place, build, row, medians)];
  });
}

function toItem(
  place: Place,
  build: Build | null,
  row: DeliveryRow | undefined,
  medians: ReadonlyMap<string, number>,
): ActivityItem {
  return {
    id: `${place.kind}${place.id}`,
    position: toPosition(place),
    at: build?.createdAt ?? row?.receivedAt ?? new Date(Number(place.at) / 1000),
    delivery: row === undefined ? null : toDelivery(row),
    build,
    medianMs: build === null ? null : (medians.get(build.repository.toLowerCase()) ?? null),
  };
}

function toDelivery({ id: _place, buildId: _origin, ...delivery }: DeliveryRow): ActivityDelivery {
  return delivery;
}

/** Those that the builds are of, and those that stand alone: these have no `buildId`. */
async function findDeliveries(pool: Pool, builds: readonly number[], alone: readonly number[]): Promise<DeliveryRow[]> {
  const columns = `d.id, d.guid, d.name as event, d.action, d.repository, d.received_at as "receivedAt", d.verdict, d.reason, d.title`;
  const { rows } = await pool.query<DeliveryRow>(
    `select ${columns}, b.id as "buildId" from build b join delivery d on d.guid = b.delivery_guid and d.build_id = b.id and d.is_origin
       where b.id = any($1::bigint[])
     union all select ${columns}, null from delivery d where d.id = any($2::bigint[]) and not d.is_origin`,
    [builds, alone],
  );
  return rows;
}
