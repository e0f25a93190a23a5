// What is still to be done, over all processes: how many builds wait and run, how old the oldest is, which notifications are not sent.

import type { Pool } from "pg";
import type { Backlog } from "../metrics/page.ts";

/** All builds that have not ended are in one small index. One that was given back waits as those that were never begun. */
const buildsSql = `select repository, state, count(*)::int as count,
    extract(epoch from now() - min(created_at) filter (where state = 'pending'))::float8 as "oldestSeconds"
  from (select b.repository, b.created_at, case when b.attempts = 0 or a.outcome = 'given_back' then 'pending' else 'executing' end as state
    from build b left join build_attempt a on a.build_id = b.id and a.attempt = b.attempts where b.result is null) open
  group by 1, 2`;
const notificationsSql = `select count(*) filter (where state = 'pending')::int as pending, count(*) filter (where state = 'failed')::int as failed
  from notification where state <> 'sent'`;

interface BuildsRow {
  readonly repository: string;
  readonly state: "pending" | "executing";
  readonly count: number;
  readonly oldestSeconds: number | null;
}

export async function readBacklog(pool: Pool): Promise<Backlog> {
  const [builds, notifications] = await Promise.all([
    pool.query<BuildsRow>(buildsSql),
    pool.query<Backlog["notifications"]>(notificationsSql),
  ]);
  return {
    builds: builds.rows.map(({ repository, state, count }) => ({ repository, state, count })),
    oldestSeconds: Math.max(0, ...builds.rows.map(({ oldestSeconds }) => oldestSeconds ?? 0)),
    notifications: notifications.rows[0] ?? { pending: 0, failed: 0 },
  };
}
