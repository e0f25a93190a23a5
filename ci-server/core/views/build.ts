// A build as the API shows it: in lists, and on its own page.

import { z } from "zod";
import { results, stages, triggers } from "../build.ts";
import { errorCodes } from "../errors.ts";
import { failureKinds } from "../failure.ts";
import { mergeMethods } from "../merge-range.ts";
import { count, id, ms, time } from "./json.ts";
import { buildReport } from "./report.ts";

const stage = z.enum(stages);
const result = z.enum(results);

const pullRequest = z
  .object({
    number: id,
    title: z.string(),
    url: z.string(),
    author: z.string(),
    mergedBy: z.string().nullable(),
    headRef: z.string().nullable().optional(),
    headSha: z.string().nullable().optional(),
    commits: count.nullable().optional(),
    mergeBase: z.string().nullable().optional(),
    repository: z
      .object({ description: z.string().nullable(), license: z.string().nullable() })
      .optional()
      .meta({ description: "What the forge said of the repository; its labels have it." }),
  })
  .meta({ id: "PullRequest" });

const failedStep = z.object({
  number: z.number().int().nullable().meta({ description: "As the log counts steps." }),
  name: z.string(),
  dockerfileLine: z.number().int().nullable(),
  exitCode: z.number().int().nullable(),
});

const failure = z
  .object({
    code: z.enum(errorCodes),
    message: z.string(),
    kind: z.enum(failureKinds),
    service: z.string().nullable(),
    step: failedStep.nullable(),
    dockerfile: z.string().optional().meta({ description: "Path in the repository of what the step's line is of." }),
    lastLines: z.array(z.string()).meta({ description: "What the failing step printed last." }),
    hint: z.string().nullable().meta({ description: "One thing to do next." }),
  })
  .meta({ id: "Failure" });

const image = z
  .object({
    service: z.string(),
    reference: z.string().meta({ description: "By digest.", example: "localhost:5000/acme/shop@sha256:…" }),
    path: z.string().meta({ description: "Repository path in the registry, without host." }),
    digest: z.string(),
    tags: z.array(z.string()),
    fixedTags: z.array(z.string()).meta({ description: "Those of them that never name anything else." }),
    bytes: count.meta({ description: "Configuration and layers as the registry stores them, compressed." }),
    imageId: z.string(),
    key: z.string().nullable().meta({ description: "Of all that it was made from; the same key is the same image." }),
    reusedFrom: id.nullable().meta({ description: "The build that made it." }),
    bases: z.array(z.object({ reference: z.string(), digest: z.string(), local: z.literal(true).optional() })),
    destinations: z.array(
      z.object({ reference: z.string(), result: z.enum(["success", "error"]), message: z.string().nullable() }),
    ),
    attestations: z.array(z.object({ type: z.enum(["provenance", "sbom"]), digest: z.string() })),
    removedAt: time.nullable().meta({ description: "When retention took it out of the registry." }),
  })
  .meta({ id: "BuildImage" });

export const buildView = z
  .object({
    id,
    repository: z.string(),
    trigger: z.enum(triggers),
    sha: z.string().nullable(),
    ref: z.string().nullable(),
    service: z.string().nullable().meta({ description: "The one service to build; null: all of the repository." }),
    version: z.string().nullable(),
    pullRequest: pullRequest.nullable(),
    deliveryGuid: z.string().nullable(),
    noCache: z.boolean().optional(),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    attempts: count,
    cancelReason: z.string().nullable(),
    merge: z
      .object({ method: z.enum(mergeMethods), since: z.string().nullable(), files: count })
      .nullable()
      .meta({ description: "How it was merged; null until the commit was fetched, and for what is no merge." }),
    skipReason: z.string().nullable(),
    result: result.nullable().meta({ description: "Null until it has ended." }),
    failure: failure.nullable(),
    stage: stage.nullable().meta({ description: "The one that runs, or queued; null when it has ended." }),
    stages: z.array(z.object({ name: stage, startedAt: time, ms: ms.nullable(), result: result.nullable() })),
    images: z.array(image),
    logRemovedAt: time.nullable(),
  })
  .meta({ id: "Build" });

const plannedService = z.object({ service: z.string(), verdict: z.enum(["build", "skip"]), reason: z.string() });

const attempt = z.object({
  attempt: id,
  worker: z.string(),
  startedAt: time,
  stage: stage.nullable().meta({ description: "The last one begun." }),
  outcome: z.enum(["ended", "given_back"]).nullable(),
});

const step = z.object({
  number: id,
  digest: z.string(),
  name: z.string(),
  cached: z.boolean(),
  startedAt: time,
  completedAt: time.nullable(),
  error: z.string().nullable(),
});

/** After a cancel: with the plan, without what only its page has. */
export const plannedBuildView = buildView
  .extend({ plan: z.array(plannedService).nullable() })
  .meta({ id: "PlannedBuild", description: "A build with what became of each image of its repository." });

export const buildPageView = plannedBuildView
  .extend({
    changedFiles: z.array(z.string()).nullable(),
    reports: z
      .array(buildReport)
      .meta({ description: "What its forge was told of it, and what it could not be told." }),
    history: z.array(attempt).meta({ description: "Its attempts, the last one last." }),
    steps: z.record(z.string(), z.array(step)).meta({ description: "By service." }),
    medianMs: ms
      .nullable()
      .meta({ description: "Of the last 20 successful builds of the repository; null when there are none." }),
    queuedAhead: count
      .nullable()
      .meta({ description: "Builds of the repository before it; null when it does not wait." }),
  })
  .meta({ id: "BuildPage" });

export const buildListView = z.object({ builds: z.array(buildView), next: id.nullable() }).meta({ id: "BuildList" });

export const acceptedView = z
  .object({ build: id, location: z.string() })
  .meta({ id: "AcceptedBuild", description: "The build that was asked for; Location names it too." });

export const logLineView = z
  .object({
    seq: id,
    at: time,
    stage,
    service: z.string().nullable(),
    step: z.number().int().nullable(),
    stream: z.enum(["stdout", "stderr"]).nullable(),
    text: z.string(),
  })
  .meta({ id: "LogLine" });

export type BuildView = z.infer<typeof buildView>;
export type BuildPageView = z.infer<typeof buildPageView>;
export type LogLineView = z.infer<typeof logLineView>;
