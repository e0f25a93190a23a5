// What a person is told of a build: one headline, a few facts, a link. Slack and e-mail show the same.

import type { Result } from "./build.ts";
import type { Notice, Occasion } from "./notification.ts";

export interface NoticeText {
  readonly headline: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  /** Of the build's page; null where nobody has said under which address people reach it. */
  readonly link: string | null;
}

const words: Readonly<Record<Occasion, string>> = {
  success: "Built",
  failure: "Failed",
  error: "Error in",
  timeout: "Timed out",
  cancellation: "Cancelled",
  skip: "Skipped",
  fixed: "Fixed",
  broken: "Broken",
};
export const resultMarks: Readonly<Record<Result, string>> = {
  ...{ success: "✅", failure: "❌", error: "⚠️", timeout: "⏱️", cancellation: "🚫", skip: "⏭️" },
};
const valueCharsMax = 600;
const tagsMax = 10;
const imagesMax = 20;

export function noticeText({ occasion, build, images }: Notice, publicUrl: string | null): NoticeText {
  const { failure, reason, ref, sha, pullRequest } = build;
  const facts: [string, string | null][] = [
    ["Result", occasion === build.result ? build.result : `${build.result} (${occasion})`],
    ["Duration", seconds(build.ms)],
    ["Commit", sha === null ? ref : `${sha.slice(0, 12)}${ref === null ? "" : ` on ${ref}`}`],
    ["Merged by", pullRequest === null ? null : (pullRequest.mergedBy ?? pullRequest.author)],
    ["Failure", failure === null ? reason : `${failure.kind}: ${failure.message}`],
    ["Step", failure?.step ?? null],
    ["Next", failure?.hint ?? null],
    ...images.slice(0, imagesMax).map((image): [string, string] => ["Image", toImage(image)]),
  ];
  return {
    headline: oneLine(`${words[occasion]} ${build.repository} ${what(build)}`),
    facts: facts.flatMap(([name, value]) => (value === null || value === "" ? [] : [{ name, value: cut(value) }])),
    link: buildLink(publicUrl, build.id),
  };
}

export function buildLink(publicUrl: string | null, id: number): string | null {
  return publicUrl === null ? null : `${publicUrl}/builds/${id}`;
}

/** `1 min 5 s`. */
export function seconds(ms: number): string {
  const all = Math.round(ms / 1000);
  return all < 60 ? `${all} s` : `${Math.floor(all / 60)} min ${all % 60} s`;
}

function what({ id, pullRequest, service, version }: Notice["build"]): string {
  if (pullRequest !== null) return `#${pullRequest.number} ${pullRequest.title}`;
  if (version !== null) return `${service ?? ""} ${version}`.trim();
  return `(build ${id})`;
}

function toImage({ reference, tags }: Notice["images"][number]): string {
  const [path = reference] = reference.split("@", 1);
  return tags.length === 0 ? reference : `${path}: ${tags.slice(0, tagsMax).join(", ")}`;
}

/** A title is what somebody wrote on a forge. */
function oneLine(text: string): string {
  return cut(text.replace(/[\p{C}\s]+/gu, " ").trim())
    .slice(0, 200)
    .toWellFormed();
}

function cut(text: string): string {
  return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax).toWellFormed()} …`;
}
