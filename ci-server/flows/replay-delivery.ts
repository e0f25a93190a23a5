// Decides again on a delivery of the ledger: to build it once more, or only to say what would happen.

import { type BuildDecision, type Decision, decide, withChanged, withImages, withLedger } from "../core/decide.ts";
import type { LedgerEntry, LedgerLimits, RuleVerdict } from "../core/delivery.ts";
import { AppError } from "../core/errors.ts";
import { judgeImages } from "../core/judge-again.ts";
import type { ChangedFiles, Forge, Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { toBuildRequest } from "./accept-delivery.ts";

export interface ReplayParts {
  readonly store: Store;
  /** Those who read what is stored. */
  readonly forges: readonly Pick<Forge, "name" | "read">[];
  readonly repositories: readonly Repository[];
  readonly ledgerLimits: LedgerLimits;
}

export interface Replayed {
  readonly verdict: "build" | "skip";
  readonly reason: string;
  readonly rules: readonly RuleVerdict[];
  readonly buildId: number | null;
}

/** What the rules say of the delivery under these repositories, had it come now. Changes nothing. */
export async function dryRun(parts: ReplayParts, guid: string): Promise<Replayed> {
  const { decision: rough, buildId, changed } = await decideAgain(parts, guid);
  const decision = rough.verdict === "skip" ? rough : await judgeImagesAgain(parts.store, rough, { buildId, changed });
  return toReplayed(decision.verdict === "skip" ? decision : withLedger(decision, buildId), buildId);
}

/** A build judges the images by the commit's own files; here it is what its merge's first build has recorded of them. */
async function judgeImagesAgain(
  store: Store,
  decision: BuildDecision,
  { buildId, changed }: Pick<DecidedAgain, "buildId" | "changed">,
): Promise<Decision> {
  const { repository } = decision;
  const build = buildId === null ? null : await store.build(buildId);
  const recorded = build === null ? null : { buildId: build.id, changed, plan: build.plan };
  const needed = (repository.services ?? []).flatMap(({ needs }) => needs);
  // Of all builds so far: that is what a build of now would find.
  const there = build === null ? [] : await store.serviceImages({ ...build, id: Number.MAX_SAFE_INTEGER }, needed);
  const isThere = (name: string) => there.some(({ service }) => service === name);
  const verdict = judgeImages(repository, recorded, isThere);
  return verdict === null ? decision : withImages(decision, verdict);
}

/** Builds it again, also when the merge has a build; a delivery that the rules skip is skipped. Under the same key it is one build. */
export async function replay(
  parts: ReplayParts,
  guid: string,
  idempotencyKey: string | null = null,
): Promise<Replayed> {
  const { decision } = await decideAgain(parts, guid);
  if (decision.verdict === "skip") return toReplayed(decision, null);
  const request = toBuildRequest(decision, guid);
  return toReplayed(decision, await parts.store.replay(request, decision.repositoryId, idempotencyKey));
}

function toReplayed({ verdict, reason, rules }: Decision, buildId: number | null): Replayed {
  return { verdict, reason, rules, buildId };
}

interface DecidedAgain {
  readonly decision: Decision;
  readonly buildId: number | null;
  readonly changed: ChangedFiles | null;
}

/** `buildId`: the build that the merge has. Where that one has fetched the commit, the changed files are known already. */
async function decideAgain(parts: ReplayParts, guid: string): Promise<DecidedAgain> {
  const { store, repositories } = parts;
  const entry = await store.delivery(guid);
  const body = await store.deliveryBody(guid);
  if (entry === null || body === null) throw noDelivery(guid, parts.ledgerLimits);
  const decision = decide(forgeOf(parts.forges, entry).read({ ...entry, body }), repositories, entry);
  if (decision.verdict === "skip") return { decision, buildId: null, changed: null };
  const buildId = await store.mergeBuild(toBuildRequest(decision, guid), decision.repositoryId);
  const changed = buildId === null ? null : await store.changedFiles(buildId);
  return { decision: changed === null ? decision : withChanged(decision, changed), buildId, changed };
}

export function noDelivery(guid: string, { daysMax, bytesMax }: LedgerLimits): AppError {
  const kept = `deliveries are kept for ${daysMax} days and up to ${bytesMax} bytes in all (limits.ledger_days_max, ledger_bytes_max)`;
  return new AppError(
    "not_found",
    `there is no delivery ${guid}, or not any more: ${kept}; GET /api/v1/deliveries lists those that are there`,
  );
}

function forgeOf(forges: ReplayParts["forges"], entry: LedgerEntry): Pick<Forge, "name" | "read"> {
  const forge = forges.find(({ name }) => name === entry.forge);
  if (forge === undefined)
    throw new AppError("conflict", `delivery ${entry.guid} is of ${entry.forge}, which is not configured any more`);
  return forge;
}
