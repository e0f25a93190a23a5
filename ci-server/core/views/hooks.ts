// Webhooks on the forges as the API shows them.

import { z } from "zod";
import { count, time } from "./json.ts";

const hook = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  contentType: z.string(),
  isActive: z.boolean(),
  verifiesTls: z.boolean(),
});

const manual = z
  .object({
    payloadUrl: z.string().nullable().meta({ description: "Null: no public address is known." }),
    contentType: z.literal("application/json"),
    secret: z.string().meta({ description: "Where it is." }),
    events: z.array(z.string()),
  })
  .meta({ description: "What a person enters on the forge." });

const statusCode = z.number().int().nullable().meta({ description: "Null: nobody answered, or it is not known." });

const report = z.object({
  repository: z.string(),
  forge: z.string(),
  payloadUrl: z.string().nullable(),
  means: z.enum(["hook", "app", "hand"]).meta({
    description: "By what deliveries come: a hook, a GitHub App's own webhook, or a hook that a person looks after.",
  }),
  hook: hook.nullable(),
  secretId: z
    .string()
    .nullable()
    .meta({ description: "The beginning of the SHA-256 of the secret that it signs with." }),
  isCurrentSecret: z.boolean().nullable(),
  lastPingAt: time.nullable(),
  lastDelivery: z.object({ at: time, statusCode }).nullable(),
  problems: z.array(z.string()),
  manual: manual.nullable(),
});

export const hookListView = z.object({ hooks: z.array(report) }).meta({ id: "HookList" });

export const addedHookView = z
  .object({
    repository: z.string(),
    action: z.enum(["created", "repaired", "unchanged", "app", "hand"]),
    faults: z.array(z.string()).meta({ description: "What was not as it had to be, and is now." }),
    hook: hook.nullable(),
    pinged: z.boolean().meta({ description: "Whether a ping has arrived since." }),
    forgeSays: z.object({ event: z.string(), statusCode }).nullable().meta({ description: "Of what it sent last." }),
    manual: manual.nullable(),
  })
  .meta({ id: "AddedHook" });

export const rotationView = z
  .object({
    secretId: z.string().meta({ description: "The beginning of the new secret's SHA-256." }),
    isResumed: z.boolean().meta({ description: "A rotation that was broken off was gone on with." }),
    hooks: z.array(
      z.object({
        repository: z.string(),
        state: z.enum(["done", "failed", "hand", "app", "none"]),
        problem: z.string().nullable(),
      }),
    ),
    isDone: z.boolean().meta({ description: "Every hook has it. If not, the server goes on by itself." }),
    configured: count.meta({ description: "Secrets of the configuration, which stay accepted." }),
    overlapHours: count.meta({
      description: "The old secret is accepted for so long once every hook has the new one.",
    }),
  })
  .meta({ id: "Rotation" });
