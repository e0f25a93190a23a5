// Gitea's and Forgejo's webhooks: the signature, the JSON or form body, and the events in the program's own words.
// Source: github.com/go-gitea/gitea, services/webhook/deliver.go, payloader.go and modules/structs/hook.go, pull.go, repo.go;
// Forgejo, services/webhook/shared/payloader.go, which sends each header under its own name too.

import { z } from "zod";
import {
  eventPattern,
  fittingSecret,
  formType,
  guidPattern,
  keepAllowed,
  mediaType,
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

const keptHeaders = [
  "content-type",
  "user-agent",
  "x-gitea-event",
  "x-gitea-event-type",
  "x-gitea-delivery",
  "x-gitea-hook-installation-target-type",
  "x-forgejo-event",
  "x-forgejo-event-type",
  "x-forgejo-delivery",
];
/** An empty text stands for what there is none of. */
const commitIdOrNone = z
  .literal("")
  .transform(() => null)
  .or(commitId)
  .nullish()
  .transform((sha) => sha ?? null);

const pullRequestEvent = z.object({
  action: actionText,
  repository: z.object({
    id: z.number().int(),
    full_name: text,
    // What they are is for labels only: odd ones are left out, and no merge is lost for them.
    description: z.string().nullish().catch(null),
    // Names of SPDX, since 1.23.
    licenses: z.array(z.string()).nullish().catch(null),
  }),
  pull_request: z.object({
    number: int32.positive(),
    title: text,
    body: text.nullish(),
    html_url: text,
    draft: z.boolean().nullish(),
    labels: z.array(z.object({ name: text })).nullish(),
    merged: z.boolean().nullish(),
    merge_commit_sha: commitIdOrNone,
    merge_base: commitIdOrNone,
    base: z.object({ ref: text.pipe(z.string().min(1)) }),
    head: z.object({ sha: commitIdOrNone }).nullish(),
    user: user.nullish(),
    merged_by: user.nullish(),
  }),
});

/** A push of one commit to where it is already: no push does that, and the test delivery of a hook's settings is one. */
const testPush = z.object({ before: commitId, after: commitId }).refine(({ before, after }) => before === after);

/** `secrets`: all that are accepted at this time, so that one can be replaced without a lost delivery. */
export function createGitea(secrets: () => readonly string[]): Forge {
  return { name: "gitea", receive: (request) => receive(secrets(), request), read };
}

function receive(secrets: readonly string[], { headers, body }: ForgeRequest): Delivery {
  const secretId = checkSignature(secrets, headers, body);
  const from = headers["x-forgejo-event"] === undefined ? "x-gitea" : "x-forgejo";
  const guid = requireHeader(headers, `${from}-delivery`, guidPattern);
  const sentAs = requireHeader(headers, `${from}-event`, eventPattern);
  const kept = keepAllowed(headers, keptHeaders);
  const event = read({ name: sentAs, headers: kept, body });
  // The header says push, of a test too: it goes into the ledger under the name of what it is.
  const name = event.kind === "ping" ? "ping" : sentAs;
  return { guid, forge: "gitea", name, hookId: null, event, body, headers: kept, secretId };
}

function checkSignature(secrets: readonly string[], headers: ForgeRequest["headers"], body: Uint8Array): string {
  const given = headers["x-forgejo-signature"] ?? headers["x-gitea-signature"];
  // Without a secret the header comes as well, and is empty.
  if (given === undefined || !/^[0-9a-f]{64}$/.test(given)) {
    throw new AppError(
      "unauthorized",
      "the X-Gitea-Signature header is missing, empty or malformed; set a secret in the hook's settings",
    );
  }
  const secretId = fittingSecret(secrets, given, ...signedBytes(headers["content-type"] ?? "", body));
  if (secretId === null) {
    throw new AppError("unauthorized", "the signature does not fit: the hook's secret is not the one configured here");
  }
  return secretId;
}

/** Of a form the code signs the JSON, while its documentation says that it signs the body: either is taken. */
function signedBytes(contentType: string, body: Uint8Array): readonly Uint8Array[] {
  const json = mediaType(contentType) === formType ? payloadOf(body) : null;
  return json === null ? [body] : [body, json];
}

/** Of the form exactly as it is sent, of one field: nobody has signed what is looked at here, and it may be large. */
function payloadOf(body: Uint8Array): Uint8Array | null {
  const form = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const field = "payload=";
  if (form.subarray(0, field.length).toString("latin1") !== field || form.includes("&")) return null;
  return decodeForm(form.subarray(field.length));
}

const [plus, percent, space] = [0x2b, 0x25, 0x20];

/** Byte by byte into one piece of memory: text that is replaced in text takes fifty times as much. Null: it is none. */
function decodeForm(form: Buffer): Uint8Array | null {
  const decoded = Buffer.allocUnsafe(form.length);
  let length = 0;
  for (let at = 0; at < form.length; at += 1) {
    let byte = form[at] ?? 0;
    if (byte === plus) byte = space;
    else if (byte === percent) {
      const [high, low] = [hexDigit(form[at + 1]), hexDigit(form[at + 2])];
      if (high === null || low === null) return null;
      byte = high * 16 + low;
      at += 2;
    }
    decoded[length] = byte;
    length += 1;
  }
  return decoded.subarray(0, length);
}

function hexDigit(byte = 0): number | null {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : null;
}

function read({ name, headers, body }: StoredRequest): ForgeEvent {
  try {
    return toEvent(name, parseWebhookBody(headers["content-type"] ?? "", body));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: "unreadable", repository: null, action: null, code: error.code, problem: error.message };
  }
}

/** The body has to be what the event's name says: the signature covers the body only, and the name stands in a header. */
function toEvent(name: string, json: unknown): ForgeEvent {
  if (name === "pull_request") return toPullRequestEvent(parsePayload(pullRequestEvent, json, name));
  const { action = null, repository } = parsePayload(anyEvent, json, name);
  const isTest = (name === "push" || name === "ping") && testPush.safeParse(json).success;
  return { kind: isTest ? "ping" : "other", action, repository: repository?.full_name ?? null };
}

function toPullRequestEvent(payload: z.infer<typeof pullRequestEvent>): ForgeEvent {
  const { action, repository, pull_request: pull } = payload;
  return {
    kind: "pull_request",
    action,
    repository: repository.full_name,
    repositoryId: repository.id,
    about: repositoryAbout({ description: repository.description, license: repository.licenses?.[0] }),
    pullRequest: {
      number: pull.number,
      title: pull.title,
      body: pull.body ?? "",
      draft: pull.draft === true,
      labels: (pull.labels ?? []).map(({ name }) => name),
      url: pull.html_url,
      merged: pull.merged === true,
      mergeCommitSha: pull.merge_commit_sha,
      baseRef: pull.base.ref,
      // In the base repository, for pull requests from forks too.
      headRef: `refs/pull/${pull.number}/head`,
      headSha: pull.head?.sha ?? null,
      // It does not say how many commits there are, and where they begin.
      commits: null,
      mergeBase: pull.merge_base,
      author: pull.user?.login ?? "ghost",
      mergedBy: pull.merged_by?.login ?? null,
    },
  };
}
