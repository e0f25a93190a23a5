// Does what a command asks for, and says what is answered. Done again after a crash, it is done no second time.

import type { Build } from "../core/build.ts";
import {
  explainText,
  helpText,
  noMergeText,
  notBuiltText,
  queuedText,
  unknownServiceText,
  unknownText,
} from "../core/command-answer.ts";
import { commandKey } from "../core/decide-comment.ts";
import type { LedgerEntry } from "../core/delivery.ts";
import { AppError } from "../core/errors.ts";
import type { CommandJob, CommandStore } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { rebuild } from "./rebuild.ts";
import { type ReplayParts, replay } from "./replay-delivery.ts";

export interface ActParts extends ReplayParts {
  readonly commands: CommandStore;
  /** Null where nobody said under which address this server is reached. */
  readonly publicUrl: string | null;
  readonly auditEntriesMax: number;
}

/** `reason`: for the ledger. `text`: Markdown, for the pull request. */
export interface Acted {
  readonly reason: string;
  readonly text: string;
}

export function act(parts: ActParts, job: CommandJob, repository: Repository): Promise<Acted> | Acted {
  const { command } = job;
  if (command.name === "rebuild") return buildAgain(parts, job, { ...command, repository });
  if (command.name === "explain") return explain(parts, job);
  if (command.name === "help") return { reason: "answered with what there is", text: helpText() };
  return { reason: `answered with what there is: ${command.problem}`, text: unknownText(command.problem) };
}

interface Again {
  readonly repository: Repository;
  readonly service: string | null;
  readonly noCache: boolean;
}

async function buildAgain(parts: ActParts, job: CommandJob, again: Again): Promise<Acted> {
  const { store, commands, publicUrl } = parts;
  const key = commandKey(job);
  // Whoever had it before may have queued the build and died.
  const known = await commands.buildOf(key);
  const newest = await newestBuild(parts, job);
  const asked = known === null ? await ask(parts, job, { ...again, newest, key }) : known;
  if (typeof asked !== "number") return asked;
  const { service, noCache } = again;
  const target = `pull request #${job.pullRequest} of ${job.repository}`;
  const audit = { actor: `${job.forge}:${job.author}`, action: "rebuild", target } as const;
  const detail = { build: asked, service, noCache, comment: job.commentId };
  await commands.built(job, asked, { ...audit, detail }, parts.auditEntriesMax);
  const sha = (await store.build(asked))?.sha ?? null;
  return {
    reason: `build ${asked} was queued`,
    text: queuedText({ buildId: asked, sha, service, noCache }, publicUrl),
  };
}

async function newestBuild({ store, commands }: ActParts, job: CommandJob): Promise<Build | null> {
  const id = await commands.newestBuild(job);
  return id === null ? null : store.build(id);
}

interface Asked extends Again {
  readonly newest: Build | null;
  readonly key: string;
}

/** The build's id, or why there is none. */
async function ask(parts: ActParts, job: CommandJob, asked: Asked): Promise<number | Acted> {
  const { newest, service, noCache, key } = asked;
  const known = servicesOf(asked);
  if (service !== null && known !== null && !known.includes(service))
    return { reason: `there is no service ${service}`, text: unknownServiceText(service, known) };
  if (newest !== null) return rebuild(parts, { buildId: newest.id, noCache, service }, key);
  // It was never built: its rules refused, or the queue was full. What they say now counts, and they choose the images.
  const merge = await findMerge(parts, job);
  if (merge === null)
    return { reason: "there is no record of the merge", text: noMergeText(parts.ledgerLimits.daysMax) };
  const { buildId, reason } = await replay(parts, merge.guid, key);
  return buildId ?? { reason: `not built: ${reason}`, text: notBuiltText(reason) };
}

/** Null where nobody knows before the commit was looked at. */
function servicesOf({ repository, newest }: Asked): readonly string[] | null {
  if (repository.services !== null) return repository.services.map(({ name }) => name);
  return newest?.plan?.map(({ service }) => service) ?? null;
}

async function explain(parts: ActParts, job: CommandJob): Promise<Acted> {
  const [build, entry] = [await newestBuild(parts, job), await findMerge(parts, job)];
  if (build === null && entry === null)
    return { reason: "there is no record of the merge", text: noMergeText(parts.ledgerLimits.daysMax) };
  return { reason: "explained", text: explainText({ entry, build }, parts.publicUrl) };
}

/** What the forge said of the merge, first: later ones only say that it is built already. */
async function findMerge({ store, commands, forges }: ActParts, job: CommandJob): Promise<LedgerEntry | null> {
  const forge = forges.find(({ name }) => name === job.forge);
  if (forge === undefined) throw new AppError("conflict", `${job.forge} is not configured any more`);
  for (const guid of (await commands.mergeDeliveries(job)).toReversed()) {
    const [entry, body] = [await store.delivery(guid), await store.deliveryBody(guid)];
    if (entry === null || body === null) continue;
    const event = forge.read({ ...entry, body });
    if (event.kind !== "pull_request" || !event.pullRequest.merged) continue;
    if (event.pullRequest.number === job.pullRequest) return entry;
  }
  return null;
}
