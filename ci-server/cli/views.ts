// What the commands read of the API's answers; all else of an answer is let through to --json.

import { z } from "zod";
import { results } from "../core/build.ts";

const text = z.string();
const nullableText = z.string().nullable().default(null);

export const imageView = z.object({
  service: text,
  reference: text,
  tags: z.array(text).default([]),
  bytes: z.number().default(0),
  reusedFrom: z.number().nullable().default(null),
});

const failureView = z.object({
  kind: text.default("internal"),
  message: text,
  service: nullableText,
  hint: nullableText,
  step: z
    .object({
      name: text,
      number: z.number().nullable().default(null),
      dockerfileLine: z.number().nullable().default(null),
      exitCode: z.number().nullable().default(null),
    })
    .nullable()
    .default(null),
  lastLines: z.array(text).default([]),
});
export type FailureView = z.infer<typeof failureView>;

export const buildView = z.object({
  id: z.number(),
  repository: text,
  trigger: text,
  sha: nullableText,
  ref: nullableText,
  service: nullableText,
  version: nullableText,
  pullRequest: z
    .object({ number: z.number(), title: text.default("") })
    .nullable()
    .default(null),
  deliveryGuid: nullableText,
  createdAt: text,
  startedAt: nullableText,
  finishedAt: nullableText,
  attempts: z.number().default(0),
  cancelReason: nullableText,
  skipReason: nullableText,
  plan: z
    .array(z.object({ service: text, verdict: z.enum(["build", "skip"]), reason: text }))
    .nullable()
    .default(null),
  result: z.enum(results).nullable(),
  stage: nullableText,
  failure: failureView.nullable().default(null),
  stages: z.array(z.object({ name: text, ms: z.number().nullable(), result: nullableText })).default([]),
  images: z.array(imageView).default([]),
  reports: z.array(z.object({ kind: text, state: text, problem: nullableText, url: nullableText })).default([]),
});
export type BuildView = z.infer<typeof buildView>;

export const deliveryView = z.object({
  guid: text,
  name: text,
  action: nullableText,
  repository: nullableText,
  receivedAt: text,
  verdict: z.enum(["build", "skip"]),
  reason: text,
  rules: z.array(z.object({ rule: text, passed: z.boolean(), saw: text })).default([]),
  build: z.number().nullable().default(null),
});
export type DeliveryView = z.infer<typeof deliveryView>;

/** The answer of whatever begins a build. */
export const begunView = z.object({ build: z.number() });

/** `#42 Fix the cart`, `shop 1.4.2`, `base image changed`. */
export function titleOf({ pullRequest, service, version, trigger }: BuildView): string {
  const base = trigger === "base_image" ? "base image changed" : null;
  if (pullRequest !== null)
    return [base, `#${pullRequest.number} ${pullRequest.title}`].filter(Boolean).join(": ").trim();
  if (version !== null) return `${service ?? ""} ${version}`.trim();
  return base ?? trigger;
}

export function stateOf({ result, stage }: BuildView): string {
  if (result !== null) return result;
  return stage === null || stage === "queued" ? "queued" : `running (${stage})`;
}
