// The system as the API shows it: what it needs and whether that works, what to set up, what to mind.

import { z } from "zod";
import { countMax } from "../catalogue.ts";
import { pruneAreas } from "../prune.ts";
import { checkNames } from "../system.ts";
import { count, time } from "./json.ts";

export const systemView = z
  .object({
    version: z.string(),
    role: z.enum(["all", "receiver", "worker"]),
    startedAt: time,
    uptimeSeconds: count,
    state: z.enum(["ok", "degraded"]).meta({ description: "Degraded: nothing, or not everything, can be built." }),
    checks: z.array(
      z.object({
        name: z.enum(checkNames),
        ok: z.boolean(),
        detail: z.string(),
        fix: z.string().nullable().meta({ description: "What to do; null where nothing has to be done." }),
      }),
    ),
    versions: z.object({
      node: z.string(),
      engine: z.string().nullable(),
      registry: z.string().nullable(),
      database: z.string().nullable(),
      git: z.string().nullable(),
    }),
    warnings: z.array(z.object({ code: z.string(), message: z.string(), fix: z.string() })),
    setup: z.object({
      payloadUrl: z.string().nullable().meta({ description: "Null: no tunnel is known." }),
      forges: z
        .array(z.object({ forge: z.string(), payloadUrl: z.string().nullable() }))
        .meta({ description: "Those on which the configured repositories live: each has an address of its own." }),
      webhookSecretFile: z.string().nullable().meta({ description: "Null: the secret is configured." }),
      events: z.array(z.string()),
      contentType: z.string(),
      pingReceivedAt: time.nullable(),
      lastRefusal: z
        .object({ at: time, reason: z.string() })
        .nullable()
        .meta({ description: "The last delivery that was not accepted, whoever sent it." }),
      registryHost: z.string(),
      caUrl: z.string().nullable(),
      repositories: count,
      builds: count.meta({ description: `Counted up to ${countMax}.` }),
    }),
    queue: z.object({ queued: count, running: count }),
  })
  .meta({ id: "System" });

export const secretView = z.object({ secret: z.string() }).meta({ id: "WebhookSecret" });

export const testDeliveryView = z
  .object({
    status: z.number().int().meta({ description: "What the webhook listener answered." }),
    verdict: z.string().nullable(),
    delivery: z.string(),
  })
  .meta({ id: "TestDelivery" });

export const healthView = z.object({ status: z.literal("ok") }).meta({ id: "Health" });

export const readyView = z
  .object({ ready: z.boolean(), checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string() })) })
  .meta({ id: "Readiness" });

export const pruneView = z
  .object({
    dry_run: z.boolean(),
    areas: z.array(
      z.object({
        area: z.enum(pruneAreas),
        removed: count,
        kept: count,
        failed: count,
        bytes: count,
        notes: z.array(z.string()),
        items: z.array(
          z.object({
            what: z.string(),
            verdict: z.enum(["remove", "keep"]),
            reason: z.string(),
            bytes: count.nullable(),
            problem: z.string().nullable(),
          }),
        ),
      }),
    ),
  })
  .meta({ id: "PruneReport" });

/** RFC 9457. */
export const problemView = z
  .object({
    type: z.string().meta({ example: "/problems/not_found" }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
  })
  .meta({ id: "Problem" });

export type SystemView = z.infer<typeof systemView>;
export type ProblemView = z.infer<typeof problemView>;
