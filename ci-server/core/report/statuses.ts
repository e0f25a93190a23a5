// A build as commit statuses: one for each image.

import type { Build, Result } from "../build.ts";
import { oneLine } from "../markdown.ts";
import type { CommitStatus, StatusState } from "../ports/forge-api.ts";
import { contextsOf } from "./contexts.ts";
import { outcomeOf } from "./outcome.ts";
import type { ReportFacts, Told } from "./report.ts";

/** What GitHub takes. */
const descriptionMax = 140;

const states: Readonly<Record<Result, StatusState>> = {
  ...{ success: "success", skip: "success", failure: "failure", timeout: "failure" },
  ...{ error: "error", cancellation: "error" },
};

/** None while nobody knows the commit. */
export function statusesOf(build: Build, facts: ReportFacts, told: Told): readonly CommitStatus[] {
  const { sha } = build;
  if (sha === null) return [];
  return contextsOf(build, facts, told).map(({ name, service }) => {
    const { result, text } = outcomeOf(build, service);
    const state = result === null ? "pending" : states[result];
    return { sha, context: name, state, description: oneLine(text, descriptionMax), url: facts.url };
  });
}
