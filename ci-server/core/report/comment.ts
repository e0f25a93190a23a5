// The one comment on a merged pull request: what is in the registry, how to get it, what was made and what was not.

import type { Build, Result } from "../build.ts";
import { code, codeBlock, link } from "../markdown.ts";
import { resultMarks } from "../notice-text.ts";
import { failureText, lastLinesText } from "./failure-text.ts";
import { imageTable, pullCommands } from "./image-rows.ts";
import { duration, lastStage } from "./outcome.ts";
import { commentedResults, type ReportFacts } from "./report.ts";

/** Nobody sees it; the comment is found by it when nobody remembers its id. */
export const commentMarker = "<!-- mergedock: what became of this merge -->";

/** Each part has a bound of its own: together they are less than the 65,536 that GitHub takes. */
const pullsCharsMax = 10_000;
const words: Partial<Record<Result, string>> = { failure: "Failed", error: "Error", timeout: "Timed out" };

/** Null where there is nothing to say, or a later build of the pull request has said it. */
export function commentOf(build: Build, facts: ReportFacts): string | null {
  const { id, result, pullRequest, sha } = build;
  if (result === null || pullRequest === null || !commentedResults.includes(result)) return null;
  const isSaid = facts.newer.some(
    (one) => one.pullRequest === pullRequest.number && one.result !== null && commentedResults.includes(one.result),
  );
  if (isSaid) return null;
  // With a person's token it is that person who seems to speak.
  const of = `${link(`Build ${id}`, facts.url)}${sha === null ? "" : ` of ${code(sha.slice(0, 12))}`} by Mergedock`;
  const head = [commentMarker, `### ${headline(build, result)}`, of];
  const body = result === "success" ? successText(build, facts) : brokenText(build, facts);
  return [...head, ...body].join("\n\n");
}

function headline(build: Build, result: Result): string {
  if (result === "success") return `${resultMarks.success} ${counts(build)} in ${duration(build)}`;
  return `${resultMarks[result]} ${words[result]} in ${lastStage(build)} after ${duration(build)}`;
}

/** `1 image built, 2 reused, 1 not touched`. */
function counts({ images, plan }: Build): string {
  const reused = images.filter(({ reusedFrom }) => reusedFrom !== null).length;
  const built = images.length - reused;
  const left = (plan ?? []).filter(({ verdict }) => verdict === "skip").length;
  const parts = [
    `${built} ${built === 1 ? "image" : "images"} built`,
    ...(reused === 0 ? [] : [`${reused} reused`]),
    ...(left === 0 ? [] : [`${left} not touched`]),
  ];
  return parts.join(", ");
}

function successText(build: Build, facts: ReportFacts): string[] {
  return [...imageTable(build, facts), codeBlock(pullCommands(build), pullsCharsMax)];
}

function brokenText(build: Build, facts: ReportFacts): string[] {
  const lines = lastLinesText(build);
  const made = build.images.length === 0 ? [] : imageTable(build, facts);
  return [...failureText(build), ...(lines === null ? [] : [lines]), ...made];
}
