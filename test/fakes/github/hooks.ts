// Webhooks: made, changed, pinged, listed; what they sent, attempt by attempt, and sent again.
// Source: GitHub's REST API, "Repository webhooks"; "Handling failed webhook deliveries".

import { randomUUID } from "node:crypto";
import { sendDelivery } from "../../../lab/send-delivery.ts";
import { type Answer, notFound, type Question, type Route, unprocessable } from "./routes.ts";
import type { DeliveryRecord, FakeHook, FakeRepository, FakeState } from "./state.ts";

const hooksMax = 20;
const read = { permission: "repository_hooks", level: "read" } as const;
const write = { permission: "repository_hooks", level: "write" } as const;

export const hookRoutes: readonly Route[] = [
  {
    ...{ method: "GET", path: "/hooks", needs: read },
    answer: ({ repository }) => ({ status: 200, body: [...repository.hooks.values()].map(toJson) }),
  },
  { method: "POST", path: "/hooks", needs: write, answer: create },
  { method: "PATCH", path: "/hooks/:id", needs: write, answer: change },
  { method: "DELETE", path: "/hooks/:id", needs: write, answer: remove },
  { method: "POST", path: "/hooks/:id/pings", needs: write, answer: pingAgain },
  { method: "GET", path: "/hooks/:id/deliveries", needs: read, answer: listDeliveries },
  { method: "GET", path: "/hooks/:id/deliveries/:delivery", needs: read, answer: readDelivery },
  { method: "POST", path: "/hooks/:id/deliveries/:delivery/attempts", needs: write, answer: redeliver },
];

/** To every hook that wants this event; resolves when all of them were answered, or were not. */
export async function sendEvent(state: FakeState, repository: FakeRepository, event: string, payload: object) {
  const wanting = [...repository.hooks.values()].filter(
    ({ active, events }) => active && (events.includes(event) || events.includes("*")),
  );
  await Promise.all(wanting.map((hook) => attempt(state, hook, { event, payload, guid: randomUUID() })));
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
  const headers = { "X-GitHub-Hook-ID": String(hook.id) };
  const sentMs = Date.now();
  const answer = state.faults.isCutOff
    ? null
    : await sendDelivery({ url, secret, event, payload, guid, contentType, headers }).catch(() => null);
  hook.deliveries.push({
    ...{ id: state.nextId(), guid, event, payload, redelivery, deliveredAt: new Date(sentMs) },
    action: (payload as { action?: string }).action ?? null,
    durationMs: Date.now() - sentMs,
    statusCode: answer?.status ?? 0,
    requestHeaders: {
      "Content-Type": contentType,
      "User-Agent": "GitHub-Hookshot/0123456",
      "X-GitHub-Event": event,
      "X-GitHub-Delivery": guid,
      ...headers,
    },
    answer: answer?.body ?? "",
  });
}

async function create({ state, repository, body }: Question): Promise<Answer> {
  const config = toConfig(body);
  if (config === null) return unprocessable("url is missing");
  const known = [...repository.hooks.values()];
  if (known.some((one) => one.config.url === config.url))
    return unprocessable("Hook already exists on this repository");
  if (known.length >= hooksMax) return unprocessable("The repository already has too many hooks");
  const events = (body.events as string[] | undefined) ?? ["push"];
  const hook: FakeHook = { id: state.nextId(), events, active: body.active !== false, config, deliveries: [] };
  repository.hooks.set(hook.id, hook);
  void ping(state, repository, hook);
  return { status: 201, body: toJson(hook) };
}

async function ping(state: FakeState, repository: FakeRepository, hook: FakeHook): Promise<void> {
  const payload = {
    ...{ zen: "Keep it logically awesome.", hook_id: hook.id, hook: toJson(hook) },
    repository: { full_name: repository.name },
  };
  await attempt(state, hook, { event: "ping", payload, guid: randomUUID() });
}

function toConfig(body: Question["body"]): FakeHook["config"] | null {
  const { url, secret, content_type = "form", insecure_ssl = "0" } = (body.config ?? {}) as Record<string, string>;
  return url === undefined ? null : { url, secret: secret ?? null, content_type, insecure_ssl: String(insecure_ssl) };
}

function change(question: Question): Answer {
  const hook = hookOf(question);
  if (hook === undefined) return notFound;
  const { body } = question;
  // docs: a config that is given replaces the whole of it; a secret that is not given is gone.
  if (body.config !== undefined) hook.config = toConfig(body) ?? hook.config;
  if (body.events !== undefined) hook.events = body.events as string[];
  if (body.active !== undefined) hook.active = body.active === true;
  return { status: 200, body: toJson(hook) };
}

function remove({ repository, path }: Question): Answer {
  return repository.hooks.delete(Number(path.id)) ? { status: 204 } : notFound;
}

function pingAgain(question: Question): Answer {
  const hook = hookOf(question);
  if (hook === undefined) return notFound;
  void ping(question.state, question.repository, hook);
  return { status: 204 };
}

function listDeliveries(question: Question): Answer {
  const hook = hookOf(question);
  if (hook === undefined) return notFound;
  const { query, state, repository } = question;
  const size = Number(query.get("per_page") ?? 30);
  const before = Number(query.get("cursor")?.replace("v1_", "") ?? Number.POSITIVE_INFINITY);
  const rest = hook.deliveries.toReversed().filter(({ id }) => id < before);
  const page = rest.slice(0, size);
  const next = `${state.url}/api/v3/repos/${repository.name}/hooks/${hook.id}/deliveries?cursor=v1_${page.at(-1)?.id}`;
  const headers: Record<string, string> = rest.length > size ? { link: `<${next}>; rel="next"` } : {};
  return { status: 200, body: page.map(toDelivery), headers };
}

function readDelivery(question: Question): Answer {
  const found = deliveryOf(question);
  if (found === undefined) return notFound;
  const { requestHeaders: headers, payload, answer } = found;
  if (question.state.faults.lostPayloads.has(found.guid)) return notFound;
  return { status: 200, body: { ...toDelivery(found), request: { headers, payload }, response: { payload: answer } } };
}

function redeliver(question: Question): Answer {
  const [hook, found] = [hookOf(question), deliveryOf(question)];
  if (hook === undefined || found === undefined) return notFound;
  const { event, payload, guid } = found;
  void attempt(question.state, hook, { event, payload, guid, redelivery: true });
  return { status: 202, body: {} };
}

function hookOf({ repository, path }: Question): FakeHook | undefined {
  return repository.hooks.get(Number(path.id));
}

function deliveryOf(question: Question): DeliveryRecord | undefined {
  return hookOf(question)?.deliveries.find(({ id }) => id === Number(question.path.delivery));
}

function toJson({ id, events, active, config, deliveries }: FakeHook): object {
  const { secret, ...shown } = config;
  const last = deliveries.at(-1);
  return {
    ...{ type: "Repository", id, name: "web", active, events },
    // A secret is never given back.
    config: { ...shown, ...(secret === null ? {} : { secret: "********" }) },
    last_response: { code: last?.statusCode ?? null, status: last === undefined ? "unused" : "active", message: null },
  };
}

function toDelivery({
  id,
  guid,
  event,
  action,
  deliveredAt,
  redelivery,
  durationMs,
  statusCode,
}: DeliveryRecord): object {
  const isOk = statusCode >= 200 && statusCode < 300;
  return {
    ...{ id, guid, event, action, redelivery, delivered_at: deliveredAt.toISOString(), duration: durationMs / 1000 },
    ...{ status: isOk ? "OK" : statusCode === 0 ? "failed to connect" : "Invalid HTTP Response" },
    ...{ status_code: statusCode, installation_id: null, repository_id: 1, throttled_at: null },
  };
}
