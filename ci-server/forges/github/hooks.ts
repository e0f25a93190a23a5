// A repository's webhooks and what they have sent. Source: GitHub's REST API, "Repository webhooks".

import { z } from "zod";
import type { ForgeHooks, Hook, HookDeliveries, HookDelivery, HookSettings } from "../../core/ports.ts";
import { type Ask, pageOf } from "./asking.ts";
import { parseAnswer } from "./client.ts";
import { id, toJson } from "./ids.ts";

const pageSize = 100;
const hook = z.object({
  id,
  active: z.boolean(),
  events: z.array(z.string()),
  config: z.object({
    url: z.string().default(""),
    content_type: z.string().default("form"),
    insecure_ssl: z.union([z.string(), z.number()]).default("0"),
  }),
});
const delivery = z.object({
  id,
  guid: z.string(),
  event: z.string(),
  action: z.string().nullable(),
  delivered_at: z.coerce.date(),
  status_code: z.number().int(),
});
const sent = delivery.extend({
  request: z.object({ headers: z.record(z.string(), z.string()).nullable(), payload: z.unknown() }),
});

const hooksRoute = "/repos/{owner}/{repo}/hooks";

export function createHooks(ask: Ask): ForgeHooks {
  return {
    async list(signal) {
      const answer = await ask(`GET ${hooksRoute}`, { per_page: pageSize }, signal);
      return parseAnswer(z.array(hook), answer, "hooks").map(toHook);
    },
    async create(settings, signal) {
      const answer = await ask(`POST ${hooksRoute}`, { name: "web", ...toFields(settings) }, signal);
      return toHook(parseAnswer(hook, answer, "a hook"));
    },
    async update(id, settings, signal) {
      const parameters = { hook_id: id, ...toFields(settings) };
      return toHook(parseAnswer(hook, await ask(`PATCH ${hooksRoute}/{hook_id}`, parameters, signal), "a hook"));
    },
    async remove(id, signal) {
      await ask(`DELETE ${hooksRoute}/{hook_id}`, { hook_id: id }, signal);
    },
    async ping(id, signal) {
      await ask(`POST ${hooksRoute}/{hook_id}/pings`, { hook_id: id }, signal);
    },
    pingsNew: true,
    deliveries: createDeliveries(ask, `${hooksRoute}/{hook_id}/deliveries`),
  };
}

function toFields({ url, secret, events }: HookSettings): Readonly<Record<string, unknown>> {
  return { active: true, events, config: { url, secret, content_type: "json", insecure_ssl: "0" } };
}

function toHook({ id: number, active, events, config }: z.infer<typeof hook>): Hook {
  const { url, content_type: contentType, insecure_ssl: insecure } = config;
  return { id: String(number), url, events, contentType, isActive: active, verifiesTls: String(insecure) !== "1" };
}

/** `route`: of the list; where it names no hook there is but one. */
export function createDeliveries(ask: Ask, route: string): HookDeliveries {
  const of = (hookId: string) => (route.includes("{hook_id}") ? { hook_id: hookId } : {});
  return {
    async list(hookId, since, max, signal) {
      const found: HookDelivery[] = [];
      let cursor: string | null = null;
      do {
        const parameters = { ...of(hookId), per_page: pageSize, ...(cursor === null ? {} : { cursor }) };
        const answer = await ask(`GET ${route}`, parameters, signal);
        const page = parseAnswer(z.array(delivery), answer, "deliveries").map(toDelivery);
        found.push(...page.filter(({ deliveredAt }) => deliveredAt >= since));
        const isOver = page.length === 0 || page.some(({ deliveredAt }) => deliveredAt < since);
        cursor = isOver ? null : (pageOf(answer, "next")?.searchParams.get("cursor") ?? null);
      } while (cursor !== null && found.length < max);
      return found.slice(0, max);
    },
    async read(hookId, id, signal) {
      const answer = await ask(`GET ${route}/{delivery_id}`, { ...of(hookId), delivery_id: id }, signal);
      const { guid, event, request } = parseAnswer(sent, answer, "a delivery");
      const headers = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
      return { guid, event, headers: Object.fromEntries(headers), body: Buffer.from(toJson(request.payload)) };
    },
    async redeliver(hookId, id, signal) {
      await ask(`POST ${route}/{delivery_id}/attempts`, { ...of(hookId), delivery_id: id }, signal);
    },
  };
}

function toDelivery({
  id: number,
  guid,
  event,
  action,
  delivered_at,
  status_code,
}: z.infer<typeof delivery>): HookDelivery {
  const statusCode = status_code === 0 ? null : status_code;
  return { id: String(number), guid, event, action, deliveredAt: delivered_at, statusCode };
}
