// Tells one forge what it does not know yet of one build: only what differs from what it was told.

import { type AppError, toAppError } from "../core/errors.ts";
import type { DueReport, ForgeRepository, ReportSubject } from "../core/ports.ts";
import { checkRunsOf } from "../core/report/check-runs.ts";
import { commentMarker, commentOf } from "../core/report/comment.ts";
import type { ReportFacts, Told } from "../core/report/report.ts";
import { statusesOf } from "../core/report/statuses.ts";

export interface Telling {
  /** Under which it is kept. */
  readonly name: string;
  readonly said: string;
  /** Takes what the forge calls it, where it has it; returns that. */
  readonly send: (id: string | null, signal: AbortSignal) => Promise<string | null>;
}

/** What is to be said of the build as it is, in the order in which it is said. */
export function tellingsOf(
  { kind, told }: Pick<DueReport, "kind" | "told">,
  { build, commentId }: Pick<ReportSubject, "build" | "commentId">,
  facts: ReportFacts,
  forge: ForgeRepository,
): readonly Telling[] {
  const { checks } = forge;
  if (kind === "check") {
    if (checks === null) return [];
    return checkRunsOf(build, facts, told).map((run) => ({
      ...{ name: run.name, said: `${run.conclusion ?? (run.startedAt === null ? "queued" : "running")}: ${run.title}` },
      send: (id, signal) => checks.put(run, id, signal),
    }));
  }
  if (kind === "status")
    return statusesOf(build, facts, told).map((status) => ({
      ...{ name: status.context, said: `${status.state}: ${status.description}` },
      send: async (_none, signal) => {
        await forge.setStatus(status, signal);
        return null;
      },
    }));
  const text = commentOf(build, facts);
  const number = build.pullRequest?.number;
  if (text === null || number === undefined) return [];
  const put = { pullRequest: number, text };
  return [
    { name: "comment", said: `${build.result}`, send: (id, signal) => putComment(forge, put, id ?? commentId, signal) },
  ];
}

export interface TellingParts {
  /** What was told so far. */
  readonly keep: (told: Told) => Promise<void>;
  readonly secondsMax: number;
  readonly signal: AbortSignal;
}

/** Returns why the forge did not take one of them; null when it took all. What it took is kept at once. */
export async function tell(
  tellings: readonly Telling[],
  before: Told,
  { keep, secondsMax, signal }: TellingParts,
): Promise<AppError | null> {
  let told = before;
  for (const { name, said, send } of tellings) {
    if (told[name]?.said === said) continue;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(secondsMax * 1_000)]);
    const sent = await send(told[name]?.id ?? null, limit).then(
      (id) => ({ id }),
      (thrown: unknown) => toAppError(thrown),
    );
    if (sent instanceof Error) return sent;
    told = { ...told, [name]: { id: sent.id, said } };
    await keep(told);
  }
  return null;
}

type Put = Parameters<ForgeRepository["putComment"]>[0];

/** Somebody may have removed it; and who made it may have died before its id was kept. */
async function putComment(forge: ForgeRepository, put: Put, id: string | null, signal: AbortSignal): Promise<string> {
  if (id !== null) {
    const edited = await forge.putComment(put, id, signal).catch((thrown: unknown) => {
      if (toAppError(thrown).code !== "not_found") throw thrown;
      return null;
    });
    if (edited !== null) return edited;
  }
  const found = await forge.findComment(put.pullRequest, commentMarker, signal);
  return forge.putComment(put, found === id ? null : found, signal);
}
