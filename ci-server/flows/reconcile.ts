// Looks for what did not arrive: at the start, at intervals, and when it is asked for. Each repository is looked at by one process
// at a time; what both a look and a delivery tell of is built once, since the store knows the merge.

import { toAppError } from "../core/errors.ts";
import type { Clock, ForgeRepository, ReconcileClaim, ReconcileOutcome, ReconcileStore } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { lookInApi, type ReconcileApiParts } from "./reconcile-api.ts";
import { lookInGit, type ReconcileGitParts } from "./reconcile-git.ts";
import type { Look } from "./reconcile-look.ts";

/** Between two questions whether something is due. */
const lookMs = 1_000;
/** After trouble that may pass: sooner than at the next interval. */
const retrySecondsMax = 30;
const usualSeconds = 300;
/** Beyond a look's own time, before somebody else takes its process for dead. */
const graceSeconds = 30;
/** Of the forge: without these git is asked instead. */
const lacking: readonly string[] = ["unauthorized", "forbidden", "not_found"];

export interface ReconcileParts extends ReconcileApiParts, ReconcileGitParts {
  readonly state: ReconcileStore;
  readonly clock: Clock;
  readonly repositories: readonly Repository[];
  readonly forgeOf: (repository: Repository) => ForgeRepository | null;
  /** 0: only at the start, and when it is asked for. */
  readonly everySeconds: number;
  /** Of one look at one repository. */
  readonly secondsMax: number;
  readonly report: (event: ReconcileEvent) => void;
}

export type ReconcileEvent =
  | { readonly kind: "looked"; readonly repository: string; readonly look: Look }
  | { readonly kind: "problem"; readonly repository: string; readonly problem: string }
  | { readonly kind: "trouble"; readonly error: unknown };

/** Begins now; returns how to stop, which waits for what is under way. */
export function startReconciling(parts: ReconcileParts): () => Promise<void> {
  const stopping = new AbortController();
  const running = loop(parts, stopping.signal);
  return () => {
    stopping.abort();
    return running;
  };
}

async function loop(parts: ReconcileParts, stopping: AbortSignal): Promise<void> {
  const { state, clock, report } = parts;
  const names = parts.repositories.map(({ name }) => name);
  let isAsked = false;
  while (!stopping.aborted) {
    try {
      if (!isAsked) await state.ask(names);
      isAsked = true;
      while (!stopping.aborted && (await lookOnce(parts, names, stopping)));
    } catch (error) {
      if (!stopping.aborted) report({ kind: "trouble", error });
    }
    await clock.sleep(lookMs, stopping).catch(() => undefined);
  }
}

/** False when nothing is due. */
async function lookOnce(parts: ReconcileParts, names: readonly string[], stopping: AbortSignal): Promise<boolean> {
  const { state, secondsMax, repositories } = parts;
  const claim = await state.claim(names, secondsMax + graceSeconds);
  if (claim === null) return false;
  const repository = repositories.find(({ name }) => name.toLowerCase() === claim.repository);
  if (repository === undefined) return true;
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(secondsMax * 1_000)]);
  await state.end(claim, await lookAt(parts, repository, { claim, signal, stopping }));
  return true;
}

interface Looking {
  readonly claim: ReconcileClaim;
  readonly signal: AbortSignal;
  readonly stopping: AbortSignal;
}

async function lookAt(parts: ReconcileParts, repository: Repository, looking: Looking): Promise<ReconcileOutcome> {
  const { report } = parts;
  const { name } = repository;
  try {
    const look = await lookSomehow(parts, repository, looking.signal);
    const { problem } = look;
    report({ kind: "looked", repository: name, look });
    if (problem !== null) report({ kind: "problem", repository: name, problem });
    const againSeconds = parts.everySeconds === 0 ? null : parts.everySeconds;
    return { way: look.way, found: look.taken.length + look.askedAgain, problem, againSeconds };
  } catch (thrown) {
    // A server that stops has the next one look at once.
    if (looking.stopping.aborted) return { way: null, found: 0, problem: null, againSeconds: 0 };
    const error = toAppError(thrown);
    const problem = looking.signal.aborted
      ? `not looked through within ${parts.secondsMax} s; limits.reconcile_seconds_max allows no more`
      : error.message;
    report({ kind: "problem", repository: name, problem });
    return { way: null, found: 0, problem, againSeconds: retrySeconds(parts, error.details.retryAfterMs) };
  }
}

function retrySeconds({ everySeconds }: ReconcileParts, retryAfterMs: unknown): number {
  const usual = Math.min(everySeconds === 0 ? usualSeconds : everySeconds, retrySecondsMax);
  return Math.max(usual, typeof retryAfterMs === "number" ? retryAfterMs / 1_000 : 0);
}

/** The hook's deliveries say more than the branches: who merged, and what its labels are. */
async function lookSomehow(parts: ReconcileParts, repository: Repository, signal: AbortSignal): Promise<Look> {
  const forge = parts.forgeOf(repository);
  // Gitea does not tell what its hooks have sent.
  if (forge === null || (forge.hooks.deliveries === null && forge.appHook === undefined))
    return lookInGit(parts, repository, signal);
  try {
    const look = await lookInApi(parts, { repository, forge }, signal);
    if (look !== null) return look;
    // What has come may have come by a hook that was taken away since.
    const isToldOtherwise = (await parts.state.hooksSeen(repository.name)).length > 0;
    const problem = `no webhook of ${repository.name} leads here, so that merges are only seen in git: add one, or correct its URL`;
    return alsoWith(await lookInGit(parts, repository, signal), isToldOtherwise ? null : problem);
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toAppError(thrown);
    if (!lacking.includes(error.code)) throw thrown;
    const problem = `what the webhooks of ${repository.name} have sent cannot be read, and merges are looked for in git instead; give its access the permission to read webhooks (${error.message})`;
    return alsoWith(await lookInGit(parts, repository, signal), problem);
  }
}

function alsoWith(look: Look, problem: string | null): Look {
  const problems = [problem, look.problem].filter((one) => one !== null);
  return { ...look, problem: problems.join("; ") || null };
}
