// Tells forges what becomes of builds: apart from them, from what each build is now, repository by repository, again and again.

import { findRepository } from "../core/decide.ts";
import { AppError } from "../core/errors.ts";
import { buildLink } from "../core/notice-text.ts";
import type { Clock, DueReport, ForgeRepository, ReportLine, ReportStore, ReportSubject } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { kindsOf } from "../core/report/report.ts";
import { retryOf } from "../core/report/retry.ts";
import { tell, tellingsOf } from "./report-build.ts";

export interface ReportParts {
  readonly store: ReportStore;
  readonly clock: Clock;
  readonly repositories: readonly Repository[];
  /** Null: its forge cannot be asked with the access that it has. */
  readonly forgeOf: (repository: Repository) => ForgeRepository | null;
  readonly publicUrl: string | null;
  readonly limits: {
    /** Of what could not be told, since the build's end. */
    readonly hoursMax: number;
    /** Of one question to the forge. */
    readonly secondsMax: number;
  };
  /** Resolves when a build may have changed, and after `ms`, and on abort. */
  readonly changed: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly report: (event: ReportEvent) => void;
}

/** `trouble`: of ours, with the database; it is tried again. */
export type ReportEvent =
  | { readonly kind: "told"; readonly due: DueReport; readonly repository: string }
  | {
      readonly kind: "retried" | "refused";
      readonly due: DueReport;
      readonly repository: string;
      readonly problem: string;
    }
  | { readonly kind: "given_up"; readonly count: number }
  | { readonly kind: "trouble"; readonly error: unknown };

const takenMax = 100;
/** Repositories that are told at once. */
const linesMax = 4;
/** Between two looks, when nobody says that something has changed; and when everybody does. */
const lookMs = 5_000;
const pauseMs = 100;
/** Times as long as a look took: with many builds that wait it is not cheap. */
const pauseRatio = 10;
const sweepMs = 10 * 60 * 1_000;
/** Beyond a question's own time, before somebody else takes its asker for dead. */
const graceSeconds = 30;

/** Begins now; returns how to stop: what is under way is broken off, and told by the next one. */
export function startReporting(parts: ReportParts): () => Promise<void> {
  const stopping = new AbortController();
  const running = lookAgain(parts, stopping.signal);
  return async () => {
    stopping.abort();
    await running;
  };
}

async function lookAgain(parts: ReportParts, signal: AbortSignal): Promise<void> {
  const { clock, report } = parts;
  const working = new Set<Promise<void>>();
  let sweptMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const done = new AbortController();
    let tookMs = 0;
    const either = AbortSignal.any([signal, done.signal]);
    // From here on: what changes while it looks is looked at once more.
    const woken = parts.changed(lookMs, either);
    try {
      if (clock.monotonicMs() - sweptMs >= sweepMs) {
        sweptMs = clock.monotonicMs();
        await giveUp(parts);
      }
      const begunMs = clock.monotonicMs();
      const dueMs = await look(parts, working, signal);
      tookMs = clock.monotonicMs() - begunMs;
      const sleep = clock.sleep(Math.min(lookMs, Math.max(pauseMs, dueMs)), either).catch(() => undefined);
      await Promise.race([woken, sleep, ...working]);
    } catch (error) {
      if (!signal.aborted) report({ kind: "trouble", error });
      await clock.sleep(lookMs, signal).catch(() => undefined);
    }
    done.abort();
    await clock.sleep(Math.min(lookMs, Math.max(pauseMs, pauseRatio * tookMs)), signal).catch(() => undefined);
  }
  await Promise.all(working);
}

async function giveUp({ store, limits, report }: ReportParts): Promise<void> {
  const count = await store.giveUp(limits.hoursMax);
  if (count > 0) report({ kind: "given_up", count });
}

/** Begins what is due; returns in how many milliseconds something is. */
async function look(parts: ReportParts, working: Set<Promise<void>>, signal: AbortSignal): Promise<number> {
  const { store, limits, report } = parts;
  const wanted = ({ repository, ...build }: Parameters<Parameters<ReportStore["takeUp"]>[0]["kindsOf"]>[0]) => {
    const { found, forge } = forgeOf(parts, repository);
    return found === undefined || forge === null ? [] : kindsOf(build, found.report, forge.checks !== null);
  };
  while ((await store.takeUp({ kindsOf: wanted, hoursMax: limits.hoursMax, limit: takenMax })) === takenMax);
  while (working.size < linesMax) {
    const line = await store.claim(leaseSeconds(parts));
    if (line === null) return (await store.nextDueMs()) ?? lookMs;
    const work = tellLine(parts, line, signal)
      .catch((error: unknown) => void (signal.aborted || report({ kind: "trouble", error })))
      .finally(() => working.delete(work));
    working.add(work);
  }
  return lookMs;
}

function leaseSeconds({ limits }: ReportParts): number {
  return limits.secondsMax + graceSeconds;
}

function forgeOf({ repositories, forgeOf: open }: ReportParts, name: string) {
  const found = findRepository(repositories, name);
  return { found, forge: found === undefined ? null : open(found) };
}

/** All that is due of a repository, one after the other. */
async function tellLine(parts: ReportParts, line: ReportLine, signal: AbortSignal): Promise<void> {
  const { store } = parts;
  try {
    while (!signal.aborted) {
      const due = await store.next(line, leaseSeconds(parts));
      if (due === null) return;
      await tellOne(parts, line, due, signal);
    }
  } finally {
    await store.release(line);
  }
}

async function tellOne(parts: ReportParts, line: ReportLine, due: DueReport, signal: AbortSignal): Promise<void> {
  const { store, limits, report } = parts;
  const { repository } = line;
  const subject = await store.look(due);
  if (subject === null) return store.told(line, due, true);
  const keep = (told: DueReport["told"]) => store.keep(line, due, told);
  const tellings = toTellings(parts, line, due, subject);
  const problem = tellings === null ? unasked(repository) : await tell(tellings, due.told, { ...limits, keep, signal });
  // A server that stops says nothing of its forges: the next one tells it.
  if (signal.aborted) return;
  if (problem === null) {
    await store.told(line, due, subject.build.result !== null);
    report({ kind: "told", due, repository });
    return;
  }
  const trouble = { problem: problem.message, ...retryOf(problem, due.attempts) };
  await store.failed(line, due, trouble);
  report({ kind: trouble.isRefused ? "refused" : "retried", due, repository, problem: problem.message });
}

/** Somebody may have mistyped its name, or taken its access away: told is only what was told. */
function unasked(repository: string): AppError {
  const message = `the forge of ${repository} cannot be asked: it is not configured any more, or has no access that the forge's API takes`;
  return new AppError("not_found", message);
}

/** None where the configuration says meanwhile that it is not told; null where nobody can be. */
function toTellings(parts: ReportParts, { repository }: ReportLine, due: DueReport, subject: ReportSubject) {
  const { found, forge } = forgeOf(parts, repository);
  if (found === undefined || forge === null) return null;
  if (!found.report[due.kind]) return [];
  const configured = found.services?.map(({ name }) => name) ?? null;
  const facts = { ...subject, configured, url: buildLink(parts.publicUrl, due.buildId) };
  return tellingsOf(due, subject, facts, forge);
}
