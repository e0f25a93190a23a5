// GitHub's webhooks: the signature over the raw bytes, the JSON or form body, and the events in the program's own words.
// Source: GitHub documentation, "Validating webhook deliveries" and "Webhook events and payloads".

import { z } from "zod";
import {
  eventPattern,
  fittingSecret,
  guidPattern,
  keepAllowed,
  parseWebhookBody,
  requireHeader,
} from "../adapters/webhook-request.ts";
import type { Delivery, ForgeEvent } from "../core/delivery.ts";
import { AppError } from "../core/errors.ts";
import {
  actionText,
  anyEvent,
  commitId,
  int32,
  parsePayload,
  payloadText as text,
  payloadUser as user,
} from "../core/payload.ts";
import type { Forge, ForgeRequest, StoredRequest } from "../core/ports.ts";
import { repositoryAbout } from "../core/repository-about.ts";

/** GitHub once sent a secret in a header (September 2025 to January 2026): what is not named here is neither kept nor logged. */
const keptHeaders = [
  "content-type",
  "user-agent",
  "x-github-event",
  "x-github-delivery",
  "x-github-hook-id",
  "x-github-hook-installation-target-type",
  "x-github-hook-installation-target-id",
];

const ping = z.object({ zen: z.string(), hook_id: z.number().int() });

const pullRequestEvent = z.object({
  action: actionText,
  repository: z.object({
    id: z.number().int(),
    full_name: text,
    // What they are is for labels only: odd ones are left out, and no merge is lost for them.
    description: z.string().nullish().catch(null),
    license: z.object({ spdx_id: z.string().nullish() }).nullish().catch(null),
  }),
  pull_request: z.object({
    number: int32.positive(),
    title: text,
    body: text.nullish(),
    html_url: text,
    draft: z.boolean().nullish(),
    labels: z.array(z.object({ name: text })).default([]),
    // Null while GitHub has not computed it; a merged one has true.
    merged: z.boolean().nullish(),
    merge_commit_sha: commitId.nullable(),
    commits: int32.nonnegative().default(1),
    base: z.object({ ref: text.pipe(z.string().min(1)) }),
    head: z.object({ sha: commitId }).nullish(),
    user: user.nullable(),
    merged_by: user.nullish(),
  }),
});

/** A new comment on a pull request; all others are of no use. */
const pullRequestComment = z.object({
  action: z.literal("created"),
  issue: z.object({ pull_request: z.looseObject({}) }),
});

const commentEvent = z.object({
  repository: z.object({ id: z.number().int(), full_name: text }),
  issue: z.object({
    number: int32.positive(),
    state: z.string().nullish(),
    // Older servers do not say when it was merged.
    pull_request: z.object({ merged_at: z.string().nullish() }),
  }),
  comment: z.object({
    id: z.number().int().positive(),
    body: text,
    created_at: z.coerce.date(),
    user: z.object({ login: text.pipe(z.string().min(1).max(100)), type: z.string().nullish() }).nullable(),
  }),
});

/** What the parser asks of a pull_request event: a part of what GitHub publishes. */
export type PullRequestPayload = z.input<typeof pullRequestEvent>;

/** `secrets`: all that are accepted at this time, so that one can be replaced without a lost delivery. */
export function createGithub(secrets: () => readonly string[]): Forge {
  return { name: "github", receive: (request) => receive(secrets(), request), read };
}

function receive(secrets: readonly string[], { headers, body }: ForgeRequest): Delivery {
  const secretId = checkSignature(secrets, headers["x-hub-signature-256"], body);
  const guid = requireHeader(headers, "x-github-delivery", guidPattern);
  const name = requireHeader(headers, "x-github-event", eventPattern);
  const kept = keepAllowed(headers, keptHeaders);
  const event = read({ name, headers: kept, body });
  return {
    guid,
    forge: "github",
    name,
    hookId: kept["x-github-hook-id"] ?? null,
    event,
    body,
    headers: kept,
    secretId,
  };
}

function read({ name, headers, body }: StoredRequest): ForgeEvent {
  try {
    return toEvent(name, parseWebhookBody(headers["content-type"] ?? "", body));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: "unreadable", repository: null, action: null, code: error.code, problem: error.message };
  }
}

function checkSignature(secrets: readonly string[], header: string | undefined, body: Uint8Array): string {
  const given = /^sha256=([0-9a-f]{64})$/.exec(header ?? "")?.[1];
  if (given === undefined) {
    throw new AppError(
      "unauthorized",
      "the X-Hub-Signature-256 header is missing or malformed; set a secret in the hook's settings",
    );
  }
  const secretId = fittingSecret(secrets, given, body);
  if (secretId === null) {
    throw new AppError("unauthorized", "the signature does not fit: the hook's secret is not the one configured here");
  }
  return secretId;
}

/** The body has to be what the event's name says: the signature covers the body only, and the name stands in a header. */
function toEvent(name: string, json: unknown): ForgeEvent {
  if (name === "pull_request") return toPullRequestEvent(parsePayload(pullRequestEvent, json, name));
  if (name === "issue_comment" && pullRequestComment.safeParse(json).success)
    return toCommentEvent(parsePayload(commentEvent, json, name));
  const { action = null, repository } = parsePayload(anyEvent, json, name);
  if (name === "ping") parsePayload(ping, json, name);
  return { kind: name === "ping" ? "ping" : "other", action, repository: repository?.full_name ?? null };
}

function toPullRequestEvent(payload: z.infer<typeof pullRequestEvent>): ForgeEvent {
  const { action, repository, pull_request: pull } = payload;
  return {
    kind: "pull_request",
    action,
    repository: repository.full_name,
    repositoryId: repository.id,
    about: repositoryAbout({ description: repository.description, license: repository.license?.spdx_id }),
    pullRequest: {
      number: pull.number,
      title: pull.title,
      body: pull.body ?? "",
      draft: pull.draft === true,
      labels: pull.labels.map(({ name }) => name),
      url: pull.html_url,
      merged: pull.merged === true,
      mergeCommitSha: pull.merge_commit_sha,
      baseRef: pull.base.ref,
      // GitHub keeps it in the base repository, for pull requests from forks too, and leaves it where it was at the merge.
      headRef: `refs/pull/${pull.number}/head`,
      headSha: pull.head?.sha ?? null,
      commits: pull.commits,
      author: pull.user?.login ?? "ghost",
      mergedBy: pull.merged_by?.login ?? null,
    },
  };
}

function toCommentEvent({ repository, issue, comment }: z.infer<typeof commentEvent>): ForgeEvent {
  const { merged_at: mergedAt } = issue.pull_request;
  const isUnknown = mergedAt === undefined && issue.state !== "open";
  return {
    ...{ kind: "comment", action: "created", repository: repository.full_name, repositoryId: repository.id },
    number: issue.number,
    isMerged: isUnknown ? null : typeof mergedAt === "string",
    commentId: String(comment.id),
    commentedAt: comment.created_at,
    author: comment.user?.login ?? "ghost",
    isBot: comment.user?.type === "Bot",
    body: comment.body,
  };
}
