// What the server answers to a command, as Markdown: one comment of its own. What others wrote stands in it as code.

import type { Build } from "./build.ts";
import { commandWords, ownMark } from "./comment-command.ts";
import type { NewCommand } from "./decide-comment.ts";
import type { LedgerEntry } from "./delivery.ts";
import { describeFailure } from "./failure.ts";
import { code, codeBlock } from "./markdown.ts";
import { buildLink } from "./notice-text.ts";

const rowsMax = 50;
const quotedCharsMax = 400;
const failureCharsMax = 20_000;

/** Hidden in the answer; by it an answer is known that was given before. */
export function answerMark({ commentId }: Pick<NewCommand, "commentId">): string {
  return `${ownMark} answer ${commentId} -->`;
}

export function withMark(command: Pick<NewCommand, "commentId">, text: string): string {
  return `${answerMark(command)}\n${text}\n`;
}

export interface Queued {
  readonly buildId: number;
  readonly sha: string | null;
  readonly service: string | null;
  readonly noCache: boolean;
}

export function queuedText({ buildId, sha, service, noCache }: Queued, publicUrl: string | null): string {
  const what = service === null ? "" : ` of ${quoted(service)}`;
  const commit = sha === null ? "" : `, of commit ${quoted(sha.slice(0, 12))}`;
  const how = noCache ? ", with everything made anew" : "";
  return `${buildName(buildId, publicUrl)}${what} was queued${commit}${how}.`;
}

export function notBuiltText(reason: string): string {
  return `Nothing was queued: ${quoted(reason)}\n\n${askWhy}`;
}

const askWhy = "A comment `/mergedock explain` is answered with what each rule says.";

export function noMergeText(daysMax: number): string {
  return `This server has no record of a merge of this pull request. Deliveries are kept for ${daysMax} days; one that never came can be sent again on the page of the repository's webhook.`;
}

export function unknownServiceText(service: string, known: readonly string[]): string {
  return `Nothing was queued: this merge has no service ${quoted(service)}. There are: ${known.map(quoted).join(", ")}.`;
}

export function unknownText(problem: string): string {
  return `Nothing was done: ${quoted(problem)}\n\n${helpText()}`;
}

export function helpText(): string {
  const says: Readonly<Record<(typeof commandWords)[number], string>> = {
    rebuild: "`/mergedock rebuild [service] [--no-cache]` builds the merged commit again, or one service of it",
    explain: "`/mergedock explain` says why this merge was built or not, and what came of it",
    help: "`/mergedock help` lists these",
  };
  const lines = commandWords.map((word) => `- ${says[word]}`);
  return `Comments on a merged pull request by people who may write here, on a line of their own:\n\n${lines.join("\n")}`;
}

export interface Story {
  /** What the forge said of the merge; null when it is not kept any more. */
  readonly entry: Pick<LedgerEntry, "verdict" | "reason" | "rules"> | null;
  readonly build: Build | null;
}

/** Of what there is: rule by rule what was decided, image by image what was planned, and the result. */
export function explainText({ entry, build }: Story, publicUrl: string | null): string {
  const parts = [entry === null ? [] : decided(entry), build === null ? [] : built(build, publicUrl)];
  return parts.flat().join("\n");
}

function decided({ verdict, reason, rules }: NonNullable<Story["entry"]>): string[] {
  const said = verdict === "build" ? "This merge was to be built" : "Nothing was built of this merge when it came";
  const lines = rules.slice(0, rowsMax).map(({ rule, passed, saw }) => `- ${mark(passed)} ${rule}: ${quoted(saw)}`);
  return [`${said}: ${quoted(reason)}`, "", ...lines, ""];
}

function built(build: Build, publicUrl: string | null): string[] {
  const { id, result, skipReason, cancelReason, plan, failure } = build;
  const why = skipReason ?? cancelReason;
  const because = why === null ? "" : `: ${quoted(why)}`;
  const state = result === null ? "has not ended yet" : `ended with ${quoted(result)}`;
  const services = (plan ?? []).slice(0, rowsMax);
  const lines = services.map((one) => `- ${mark(one.verdict === "build")} ${one.service}: ${quoted(one.reason)}`);
  return [`${buildName(id, publicUrl)} ${state}${because}`, "", ...lines, ...(failure === null ? [] : failed(build))];
}

/** Without the lines that the step printed: these are for whoever may read the log. */
function failed({ failure }: Build): string[] {
  if (failure === null) return [];
  const lines = [failure.message, ...describeFailure({ ...failure, lastLines: [] }, "Dockerfile")];
  return ["", codeBlock(lines, failureCharsMax)];
}

function buildName(id: number, publicUrl: string | null): string {
  const link = buildLink(publicUrl, id);
  return link === null ? `Build ${id}` : `[Build ${id}](${link})`;
}

function mark(passed: boolean): string {
  return passed ? "✓" : "✗";
}

function quoted(text: string): string {
  return code(text, quotedCharsMax) || "(nothing)";
}
