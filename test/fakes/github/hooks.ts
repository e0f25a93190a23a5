// Webhooks: made, changed, pinged, listed; what they sent, attempt by attempt, and sent again.
// Source: GitHub's REST API, "Repository webhooks"; "Handling failed webhook deliveries".

import { randomUUID } from "node:crypto";
import type { components } from "@octokit/openapi-types";
import { knownEvents, pingPayload } from "./payloads.ts";
import { type Answer, notFound, pageOf, type Question, type Route, unprocessable } from "./routes.ts";
import { attempt, track } from "./send.ts";
import type { DeliveryRecord, FakeHook, FakeRepository, FakeState } from "./state.ts";

const hooksMax = 20;
const keptMs = 3 * 24 * 3_600_000;
const pageMax = 100;
const read = { permission: "repository_hooks", level: "read" } as const;
const write = { permission: "repository_hooks", level: "write" } as const;

export const hookRoutes: readonly Route[] = [
  {
    ...{ method: "GET", path: "/hooks", needs: read },
    answer: (question) => {
      const { state, repository } = question;
      return pageOf(
        question,
        "/hooks",
        [...repository.hooks.values()].map((hook) => toJson(state, repository, hook)),
      );
    },
  },
  { method: "POST", path: "/hooks", needs: write, answer: create },
  { method: "GET", path: "/hooks/:id", needs: read, answer: readHook },
  { method: "PATCH", path: "/hooks/:id", needs: write, answer: change },
  { method: "DELETE", path: "/hooks/:id", needs: write, answer: remove },
  { method: "POST", path: "/hooks/:id/pings", needs: write, answer: pingAgain },
  { method: "GET", path: "/hooks/:id/deliveries", needs: read, answer: listDeliveries },
  { method: "GET", path: "/hooks/:id/deliveries/:delivery", needs: read, answer: readDelivery },
  { method: "POST", path: "/hooks/:id/deliveries/:delivery/attempts", needs: write, answer: redeliver },
];

async function create({ state, repository, body }: Question): Promise<Answer> {
  const config = toConfig(body);
  const mistake = mistakeIn(config, body);
  if (config === null || mistake !== null) return unprocessable(mistake ?? "url is missing");
  const known = [...repository.hooks.values()];
  if (known.some((one) => one.config.url === config.url))
    return unprocessable("Hook already exists on this repository");
  if (known.length >= hooksMax) return unprocessable("The repository already has too many hooks");
  const events = (body.events as string[] | undefined) ?? ["push"]; // checked above
  const hook: FakeHook = { id: state.nextId(), events, active: body.active !== false, config, deliveries: [] };
  repository.hooks.set(hook.id, hook);
  ping(state, repository, hook);
  return { status: 201, body: toJson(state, repository, hook) };
}

function mistakeIn(config: FakeHook["config"] | null, { events }: Question["body"]): string | null {
  if (config === null || !/^https?:\/\//.test(config.url)) return "url is missing or no http address";
  if (!["json", "form"].includes(config.content_type)) return "content_type is neither json nor form";
  const unknown = [events ?? []].flat().filter((event) => event !== "*" && !knownEvents().includes(String(event)));
  return unknown.length === 0 ? null : `These events are not supported by this hook: ${unknown.join(", ")}`;
}

function ping(state: FakeState, repository: FakeRepository, hook: FakeHook): void {
  const payload = pingPayload(state, repository, hook, toJson(state, repository, hook));
  track(state, attempt(state, hook, { event: "ping", payload, guid: randomUUID() }));
}

function toConfig(body: Question["body"]): FakeHook["config"] | null {
  const { url, secret, content_type = "form", insecure_ssl = "0" } = (body.config ?? {}) as Record<string, string>;
  return url === undefined ? null : { url, secret: secret ?? null, content_type, insecure_ssl: String(insecure_ssl) };
}

function readHook(question: Question): Answer {
  const hook = hookOf(question);
  return hook === undefined ? notFound : { status: 200, body: toJson(question.state, question.repository, hook) };
}

function change(question: Question): Answer {
  const hook = hookOf(question);
  if (hook === undefined) return notFound;
  const { body } = question;
  const mistake = mistakeIn(body.config === undefined ? hook.config : toConfig(body), body);
  if (mistake !== null) return unprocessable(mistake);
  // docs: a config that is given replaces the whole of it; a secret that is not given is gone.
  if (body.config !== undefined) hook.config = toConfig(body) ?? hook.config;
  if (body.events !== undefined) hook.events = body.events as string[];
  if (body.active !== undefined) hook.active = body.active === true;
  return { status: 200, body: toJson(question.state, question.repository, hook) };
}

function remove({ repository, path }: Question): Answer {
  return repository.hooks.delete(Number(path.id)) ? { status: 204 } : notFound;
}

function pingAgain(question: Question): Answer {
  const hook = hookOf(question);
  if (hook === undefined) return notFound;
  ping(question.state, question.repository, hook);
  return { status: 204 };
}

function listDeliveries(question: Question): Answer {
  const hook = hookOf(question);
  if (hook === undefined) return notFound;
  const { query, state, repository } = question;
  return listOf(state, hook, query, `/repos/${repository.name}/hooks/${hook.id}/deliveries`);
}

/** `path`: of the list. */
export function listOf(state: FakeState, hook: FakeHook, query: URLSearchParams, path: string): Answer {
  const size = Math.min(Number(query.get("per_page") ?? 30), pageMax);
  const before = Number(query.get("cursor")?.replace("v1_", "") ?? Number.POSITIVE_INFINITY);
  const rest = kept(state, hook)
    .toReversed()
    .filter(({ id, statusCode }) => id < before && isWanted(statusCode, query.get("status")));
  const page = rest.slice(0, size);
  const next = `${state.url}/api/v3${path}?cursor=v1_${page.at(-1)?.id}&per_page=${size}`;
  const headers: Record<string, string> = rest.length > size ? { link: `<${next}>; rel="next"` } : {};
  return { status: 200, body: page.map(toDelivery), headers };
}

/** `wanted`: success, failure, or both. */
function isWanted(statusCode: number, wanted: string | null): boolean {
  return wanted === null || (wanted === "success") === (statusCode >= 200 && statusCode < 300);
}

function readDelivery(question: Question): Answer {
  const hook = hookOf(question);
  return hook === undefined ? notFound : readOf(question.state, hook, Number(question.path.delivery));
}

export function readOf(state: FakeState, hook: FakeHook, id: number): Answer {
  const found = kept(state, hook).find((one) => one.id === id);
  if (found === undefined || state.faults.lostPayloads.has(found.guid)) return notFound;
  const { requestHeaders: headers, payload, answer } = found;
  const response = { headers: {}, payload: answer };
  return { status: 200, body: { ...toDelivery(found), request: { headers, payload }, response } };
}

function redeliver(question: Question): Answer {
  const hook = hookOf(question);
  return hook === undefined ? notFound : redeliverOf(question.state, hook, Number(question.path.delivery));
}

export function redeliverOf(state: FakeState, hook: FakeHook, id: number): Answer {
  const found = kept(state, hook).find((one) => one.id === id);
  if (found === undefined) return notFound;
  const { event, payload, guid } = found;
  track(state, attempt(state, hook, { event, payload, guid, redelivery: true }));
  return { status: 202, body: {} };
}

function hookOf({ repository, path }: Question): FakeHook | undefined {
  return repository.hooks.get(Number(path.id));
}

/** docs: deliveries of the past three days. */
function kept({ clock }: FakeState, { deliveries }: FakeHook): DeliveryRecord[] {
  return deliveries.filter(({ deliveredAt }) => deliveredAt.getTime() > clock.now().getTime() - keptMs);
}

function toJson(state: FakeState, { name }: FakeRepository, hook: FakeHook): components["schemas"]["hook"] {
  const { id, events, active, config, deliveries } = hook;
  const { secret, ...shown } = config;
  const last = deliveries.at(-1);
  const url = `${state.url}/api/v3/repos/${name}/hooks/${id}`;
  const at = state.startedAt.toISOString();
  return {
    ...{ type: "Repository", id, name: "web", active, events: [...events], created_at: at, updated_at: at },
    ...{ url, test_url: `${url}/test`, ping_url: `${url}/pings`, deliveries_url: `${url}/deliveries` },
    // A secret is never given back.
    config: { ...shown, ...(secret === null ? {} : { secret: "********" }) },
    last_response: { code: last?.statusCode ?? null, status: last === undefined ? "unused" : "active", message: null },
  };
}

function toDelivery(given: DeliveryRecord): components["schemas"]["hook-delivery-item"] {
  const { id, guid, event, action, deliveredAt, redelivery, durationMs, status, statusCode, payload } = given;
  const { repository } = payload as { repository?: { id: number } }; // every event of a repository has it
  return {
    ...{ id, guid, event, action, redelivery, delivered_at: deliveredAt.toISOString(), duration: durationMs / 1000 },
    ...{
      status,
      status_code: statusCode,
      installation_id: null,
      repository_id: repository?.id ?? null,
      throttled_at: null,
    },
  };
}
