// Deliveries, and what came of them, as the API shows them.

import { z } from "zod";
import { origins } from "../delivery.ts";
import { buildView } from "./build.ts";
import { count, id, ms, time } from "./json.ts";

const verdict = z.enum(["build", "skip"]);

const ruleVerdict = z.object({ rule: z.string(), passed: z.boolean(), saw: z.string() });

export const deliveryView = z
  .object({
    id,
    guid: z.string(),
    forge: z.string(),
    name: z.string().meta({ description: "What the forge calls the event." }),
    action: z.string().nullable(),
    repository: z.string().nullable(),
    hookId: z.string().nullable(),
    receivedAt: time,
    headers: z.record(z.string(), z.string()),
    secretId: z.string(),
    origin: z
      .enum(origins)
      .meta({ description: "Signed, to the webhook; read from the forge's API; or never sent, and seen in git." }),
    bodyBytes: count,
    verdict,
    reason: z.string(),
    rules: z.array(ruleVerdict),
    build: id.nullable(),
  })
  .meta({ id: "Delivery" });

export const deliveryListView = z
  .object({ deliveries: z.array(deliveryView), next: id.nullable() })
  .meta({ id: "DeliveryList" });

export const replayView = z
  .object({ delivery: z.string(), verdict, reason: z.string(), rules: z.array(ruleVerdict), build: id.nullable() })
  .meta({ id: "Replay" });

export const activityItemView = z
  .object({
    id: z.string(),
    at: time,
    kind: z.enum(["delivery", "build"]),
    delivery: z
      .object({
        guid: z.string(),
        event: z.string(),
        action: z.string().nullable(),
        verdict,
        reason: z.string(),
      })
      .nullable(),
    build: buildView.nullable(),
    repository: z.string().nullable(),
    title: z.string().meta({ example: "#42 Fix the cart" }),
    medianMs: ms.nullable(),
  })
  .meta({ id: "ActivityItem" });

export const activityListView = z
  .object({ items: z.array(activityItemView), next: z.string().nullable() })
  .meta({ id: "ActivityList" });

export type DeliveryView = z.infer<typeof deliveryView>;
export type ReplayView = z.infer<typeof replayView>;
export type ActivityItemView = z.infer<typeof activityItemView>;
