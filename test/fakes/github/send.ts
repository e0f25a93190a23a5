// Sends deliveries to hooks, signed and with GitHub's headers, and keeps what came of each attempt.
// Source: GitHub documentation, "Webhook events and payloads" (delivery headers), "Best practices for using webhooks".

import { createHmac, randomUUID } from "node:crypto";
import { type Answer, sendDelivery } from "../../../lab/send-delivery.ts";
import type { DeliveryRecord, FakeHook, FakeRepository, FakeState } from "./state.ts";

/** To every hook that wants this event; resolves when all of them were answered, or were not. */
export async function sendEvent(state: FakeState, repository: FakeRepository, event: string, payload: object) {
  const wanting = [...repository.hooks.values(), ...repository.appHooks].filter(
    ({ active, events }) => active && (events.includes(event) || events.includes("*")),
  );
  await Promise.all(wanting.map((hook) => attempt(state, hook, { event, payload, guid: randomUUID() })));
}

/** Keeps what nobody waits for, so that stop() can. */
export function track(state: FakeState, work: Promise<unknown>): void {
  state.underWay.add(work);
  void work.finally(() => state.underWay.delete(work));
}

/** Sends it with GitHub's headers and its limit of 10 s, and puts what came of it on record. */
export async function attempt(
  state: FakeState,
  hook: FakeHook,
  given: { readonly event: string; readonly payload: object; readonly guid: string; readonly redelivery?: boolean },
): Promise<void> {
  const { event, payload, guid, redelivery = false } = given;
  const { url, secret, content_type } = hook.config;
  const contentType = content_type === "json" ? "application/json" : "application/x-www-form-urlencoded";
  const headers = { ...targetOf(hook, payload), ...(content_type === "json" ? legacySignature(secret, payload) : {}) };
  const [deliveredAt, startedMs] = [state.clock.now(), performance.now()];
  // Known before it is sent: ids are in the order in which the attempts began.
  const id = state.nextDeliveryId();
  const { deliveryMs: timeoutMs, faults } = state;
  const result = faults.isCutOff
    ? noAnswer(null)
    : await sendDelivery({ url, secret, event, payload, guid, contentType, headers, timeoutMs }).then(
        answered,
        noAnswer,
      );
  hook.deliveries.push({
    ...{ id, guid, event, payload, redelivery, deliveredAt, ...result },
    action: (payload as { action?: string }).action ?? null,
    durationMs: performance.now() - startedMs,
    requestHeaders: {
      "Content-Type": contentType,
      "User-Agent": "GitHub-Hookshot/0123456",
      "X-GitHub-Event": event,
      "X-GitHub-Delivery": guid,
      ...headers,
    },
  });
  hook.deliveries.sort((a, b) => a.id - b.id);
}

function targetOf({ id }: FakeHook, payload: object): Record<string, string> {
  const { repository } = payload as { repository?: { id?: number } };
  return {
    "X-GitHub-Hook-ID": String(id),
    "X-GitHub-Hook-Installation-Target-Type": "repository",
    "X-GitHub-Hook-Installation-Target-ID": String(repository?.id ?? 0),
  };
}

/** By SHA-1, which GitHub still sends beside the other. */
function legacySignature(secret: string | null, payload: object): Record<string, string> {
  if (secret === null) return {};
  const sha1 = createHmac("sha1", secret).update(JSON.stringify(payload)).digest("hex");
  return { "X-Hub-Signature": `sha1=${sha1}` };
}

function answered({ status: statusCode, body }: Answer): Pick<DeliveryRecord, "status" | "statusCode" | "answer"> {
  const isOk = statusCode >= 200 && statusCode < 300;
  return { statusCode, answer: body, status: isOk ? "OK" : `Invalid HTTP Response: ${statusCode}` };
}

function noAnswer(error: unknown): Pick<DeliveryRecord, "status" | "statusCode" | "answer"> {
  const isLate = error instanceof Error && error.name === "TimeoutError";
  return { statusCode: 0, answer: "", status: isLate ? "timed out" : "failed to connect" };
}
