// A build as check runs: one for each image, with what failed at the line that made it fail.

import type { Build, Result } from "../build.ts";
import { code, oneLine } from "../markdown.ts";
import type { Annotation, CheckRun } from "../ports/forge-api.ts";
import { contextsOf } from "./contexts.ts";
import { failureText, lastLinesText } from "./failure-text.ts";
import { imageTable } from "./image-rows.ts";
import { failurePlace, outcomeOf } from "./outcome.ts";
import type { ReportFacts, Told } from "./report.ts";

const titleMax = 250;
const messageMax = 2_000;

const conclusions: Readonly<Record<Result, NonNullable<CheckRun["conclusion"]>>> = {
  ...{ success: "success", skip: "skipped", failure: "failure", error: "failure" },
  ...{ timeout: "timed_out", cancellation: "cancelled" },
};

/** None while nobody knows the commit. */
export function checkRunsOf(build: Build, facts: ReportFacts, told: Told): readonly CheckRun[] {
  const { id, sha, startedAt, finishedAt, createdAt } = build;
  if (sha === null) return [];
  return contextsOf(build, facts, told).map(({ name, service }): CheckRun => {
    const { result, text } = outcomeOf(build, service);
    const isBroken = result !== null && ["failure", "error", "timeout"].includes(result) && isOf(build, service);
    return {
      ...{ sha, name, url: facts.url, externalId: `build-${id}${service === null ? "" : `/${service}`}`, startedAt },
      // One that a plan leaves out has ended before its build has.
      completedAt: result === null ? null : (finishedAt ?? startedAt ?? createdAt),
      conclusion: result === null ? null : conclusions[result],
      title: oneLine(text, titleMax),
      summary: (isBroken ? failureText(build) : [summaryOf(build, service, facts, text)]).join("\n\n"),
      text: isBroken ? lastLinesText(build) : null,
      annotations: isBroken ? annotationsOf(build) : [],
    };
  });
}

/** Whether what failed is this image, or the build as a whole. */
function isOf({ failure }: Build, service: string | null): boolean {
  return failure !== null && (service === null || failure.service === null || failure.service === service);
}

function summaryOf(build: Build, service: string | null, facts: ReportFacts, text: string): string {
  const images = build.images.filter((image) => service === null || image.service === service);
  const plan = service === null ? build.plan : null;
  return imageTable({ ...build, plan, images }, facts)[0] ?? code(text);
}

function annotationsOf({ failure }: Build): Annotation[] {
  if (failure?.step?.dockerfileLine == null || failure.dockerfile === undefined) return [];
  const { dockerfile, step, lastLines, message } = failure;
  const said = [message, ...lastLines.slice(-5)].map((line) => oneLine(line, messageMax)).join("\n");
  return [
    {
      ...{ path: dockerfile, line: step.dockerfileLine ?? 1, title: oneLine(failurePlace({ failure }), titleMax) },
      message: said.slice(0, messageMax).toWellFormed(),
    },
  ];
}
