// Obeys commands that people gave in comments: asks the forge who may, acts, answers. Each once, and later when the forge is away.

import { answerMark, withMark } from "../core/command-answer.ts";
import { findRepository } from "../core/decide.ts";
import { commandSubject } from "../core/decide-comment.ts";
import type { RuleVerdict } from "../core/delivery.ts";
import { toAppError } from "../core/errors.ts";
import type { Clock, CommandEnd, CommandJob, CommandState, ForgeRepository } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { retryDelayMs } from "../core/retry.ts";
import { type ActParts, act } from "./act-on-command.ts";

export interface ObeyParts extends ActParts {
  readonly clock: Clock;
  /** Null: the repository's forge cannot be asked with the access that it has. */
  readonly forgeOf: (repository: Repository) => ForgeRepository | null;
  readonly limits: {
    /** From the comment on. */
    readonly hoursMax: number;
    /** On one pull request: of each author, and of all that are obeyed. */
    readonly perHourMax: number;
    /** For how long those that have ended are kept. */
    readonly daysMax: number;
  };
  readonly report: (event: ObeyEvent) => void;
}

/** `trouble`: of ours, with the database; it is tried again. */
export type ObeyEvent =
  | { readonly kind: CommandState | "postponed"; readonly job: CommandJob; readonly reason: string }
  | { readonly kind: "trouble"; readonly error: unknown };

/** Between two looks. */
const lookMs = 5_000;
const sweepMs = 10 * 60 * 1_000;
/** Three questions to the forge, and some more. */
const claimSeconds = 150;
/** The comment's age ends it. */
const retryPolicy = { attempts: Number.POSITIVE_INFINITY, delayMs: 1_000, delayMsMax: 10 * 60 * 1_000 };
const hourMs = 3_600_000;

/** Begins now; returns how to stop: what is under way is broken off, and tried again by whoever comes next. */
export function startObeying(parts: ObeyParts): () => Promise<void> {
  const stopping = new AbortController();
  const running = loop(parts, stopping.signal);
  return async () => {
    stopping.abort();
    await running;
  };
}

async function loop(parts: ObeyParts, signal: AbortSignal): Promise<void> {
  const { commands, clock, report, limits } = parts;
  let sweptMs = Number.NEGATIVE_INFINITY;
  const work = async () => {
    if (clock.monotonicMs() - sweptMs >= sweepMs) {
      sweptMs = clock.monotonicMs();
      await commands.forget(limits.daysMax);
    }
    return obeyAll(parts, signal);
  };
  while (!signal.aborted) {
    const looked = new AbortController();
    const waiting = AbortSignal.any([signal, looked.signal]);
    // From here on: what is taken up while others are obeyed is looked for once more.
    const changed = commands.changed(lookMs, waiting);
    const dueMs = await work().catch((error: unknown) => {
      if (!signal.aborted) report({ kind: "trouble", error });
      return null;
    });
    const due = clock.sleep(Math.min(lookMs, Math.max(10, dueMs ?? lookMs)), waiting).catch(() => undefined);
    await Promise.race([changed, due]);
    looked.abort();
  }
}

async function obeyAll(parts: ObeyParts, signal: AbortSignal): Promise<number | null> {
  const { commands } = parts;
  while (!signal.aborted) {
    const job = await commands.claim(claimSeconds);
    if (job === null) return commands.nextDueMs();
    await obeyOne(parts, job, signal);
  }
  return null;
}

async function obeyOne(parts: ObeyParts, job: CommandJob, signal: AbortSignal): Promise<void> {
  const { commands, report } = parts;
  const subject = commandSubject(job);
  try {
    const { state, reason, rules } = await obey(parts, job, signal);
    await commands.end(job, { state, reason: `${subject}: ${reason}`, rules });
    report({ kind: state, job, reason });
  } catch (thrown) {
    const error = toAppError(thrown);
    const reason = error.message;
    const againMs = signal.aborted ? 0 : retryDelayMs(retryPolicy, job.attempts, error);
    if (againMs === null) await commands.end(job, { state: "failed", reason: `${subject}: ${reason}`, rules: [] });
    else await commands.postpone(job, reason, againMs);
    report({ kind: againMs === null ? "failed" : "postponed", job, reason });
  }
}

async function obey(parts: ObeyParts, job: CommandJob, signal: AbortSignal): Promise<CommandEnd> {
  const { repositories, forgeOf, limits, clock } = parts;
  const repository = findRepository(repositories, job.repository);
  if (repository?.commands !== true) return end("failed", "it obeys no comments any more");
  const forge = forgeOf(repository);
  if (forge === null)
    return end(
      "failed",
      `the forge cannot be asked who may write; give ${job.repository} "access" or "api.token_file"`,
    );
  if (clock.now().getTime() - job.commentedAt.getTime() > limits.hoursMax * hourMs)
    return end("failed", `the comment is more than ${limits.hoursMax} hours old (limits.command_hours_max)`);
  const refusal = (await tooMany(parts, job)) ?? (await mayNot(forge, job, signal));
  if (refusal !== null) return refusal;
  const { reason, text } = await act(parts, job, repository);
  await answer(forge, job, text, signal);
  return end("done", reason, [{ rule: "write access", passed: true, saw: "write" }]);
}

/** Whoever may not write cannot use up what the others have: of all people only those count that were obeyed. */
async function tooMany({ commands, limits }: ObeyParts, job: CommandJob): Promise<CommandEnd | null> {
  const { byAuthor, obeyed } = await commands.count(job);
  const most = Math.max(byAuthor, obeyed);
  const rule = { rule: "commands per hour", passed: false, saw: String(most) };
  if (most < limits.perHourMax) return null;
  return end("refused", `there were ${most} within an hour (limits.commands_per_hour_max)`, [rule]);
}

/** Nobody is told of it on the pull request: strangers could have the server write there as often as they like. */
async function mayNot(forge: ForgeRepository, { author }: CommandJob, signal: AbortSignal): Promise<CommandEnd | null> {
  const permission = await forge.permission(author, signal);
  if (permission === "write") return null;
  const rule = { rule: "write access", passed: false, saw: permission };
  return end("refused", `${author} may not write in ${forge.name}, and is not obeyed`, [rule]);
}

/** Whoever had it before may have answered and died. */
async function answer(forge: ForgeRepository, job: CommandJob, text: string, signal: AbortSignal): Promise<void> {
  const { pullRequest } = job;
  const given = job.attempts === 1 ? null : await forge.findComment(pullRequest, answerMark(job), signal);
  if (given === null) await forge.putComment({ pullRequest, text: withMark(job, text) }, null, signal);
}

function end(state: CommandState, reason: string, rules: readonly RuleVerdict[] = []): CommandEnd {
  return { state, reason, rules };
}
