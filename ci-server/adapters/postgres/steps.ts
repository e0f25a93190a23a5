// The steps of a build's images, as the last attempt that ran them left them.

import type { Pool } from "pg";
import type { AttemptKey } from "../../core/build.ts";
import type { BuildStep } from "../../core/build-step.ts";
import { mine, run } from "./attempts.ts";

interface StepsRow {
  readonly service: string;
  /** As JSON has them. */
  readonly steps: readonly (Omit<BuildStep, "startedAt" | "completedAt"> & {
    readonly startedAt: string;
    readonly completedAt: string | null;
  })[];
}

export async function replaceSteps(
  pool: Pool,
  at: AttemptKey,
  service: string,
  steps: readonly BuildStep[],
): Promise<void> {
  await run(
    pool,
    at,
    `with ${mine} insert into build_step (build_id, service, steps) select id, $3, $4 from mine
       on conflict (build_id, service) do update set steps = excluded.steps`,
    [service, JSON.stringify(steps)],
  );
}

export async function findSteps(pool: Pool, id: number): Promise<Record<string, readonly BuildStep[]>> {
  const { rows } = await pool.query<StepsRow>(
    "select service, steps from build_step where build_id = $1 order by service",
    [id],
  );
  return Object.fromEntries(rows.map(({ service, steps }) => [service, steps.map(toStep)]));
}

function toStep({ startedAt, completedAt, ...rest }: StepsRow["steps"][number]): BuildStep {
  return {
    ...rest,
    startedAt: new Date(startedAt),
    completedAt: completedAt === null ? null : new Date(completedAt),
  };
}
