// A build as the API shows it.

import type { Build } from "../core/build.ts";
import { type BuildView, buildView, plannedBuildView } from "../core/views/build.ts";
import { shown } from "../core/views/json.ts";

/** A list would be long with the reasons of every image. */
export function toBuildEntry({ plan: _long, ...build }: Omit<Build, "plan"> & { readonly plan?: unknown }) {
  return shown(buildView, { ...build, stage: stageOf(build), stages: stagesOf(build) });
}

export function toPlannedBuild(build: Build) {
  return shown(plannedBuildView, { ...build, stage: stageOf(build), stages: stagesOf(build) });
}

export function stageOf({ result, stages }: Pick<Build, "result" | "stages">): BuildView["stage"] {
  if (result !== null) return null;
  return stages.find((stage) => stage.result === null)?.name ?? "queued";
}

function stagesOf({ stages }: Pick<Build, "stages">) {
  return stages.map(({ name, startedAt, ms, result }) => ({
    name,
    startedAt,
    ms: ms === null ? null : Math.round(ms),
    result,
  }));
}
