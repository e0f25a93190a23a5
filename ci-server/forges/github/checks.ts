// A check run as GitHub's API takes it. Source: GitHub's REST API, "Check runs".

import type { CheckRun } from "../../core/ports.ts";

/** GitHub takes no more of them in one request, and no longer text. */
const annotationsMax = 50;
const charsMax = 65_535;

export function toCheckFields(check: CheckRun): Readonly<Record<string, unknown>> {
  const { name, url, externalId, startedAt, completedAt, conclusion } = check;
  return {
    ...{ name, external_id: externalId, status: statusOf(check) },
    ...(url === null ? {} : { details_url: url }),
    ...(startedAt === null ? {} : { started_at: startedAt.toISOString() }),
    ...(conclusion === null || completedAt === null ? {} : { conclusion, completed_at: completedAt.toISOString() }),
    output: {
      ...{ title: check.title, summary: check.summary.slice(0, charsMax) },
      ...(check.text === null ? {} : { text: check.text.slice(0, charsMax) }),
      annotations: check.annotations.slice(0, annotationsMax).map(({ path, line, title, message }) => ({
        ...{ path, start_line: line, end_line: line, annotation_level: "failure", title, message },
      })),
    },
  };
}

function statusOf({ startedAt, conclusion }: CheckRun): string {
  if (conclusion !== null) return "completed";
  return startedAt === null ? "queued" : "in_progress";
}
