// A repository's webhooks. Source: github.com/go-gitea/gitea, modules/structs/hook.go and routers/api/v1/utils/hook.go.

import { z } from "zod";
import type { ForgeHooks, Hook, HookSettings } from "../../core/ports.ts";
import type { Ask } from "./request.ts";

const hook = z.object({
  id: z.number().int(),
  active: z.boolean(),
  events: z.array(z.string()),
  branch_filter: z.string().default(""),
  authorization_header: z.string().default(""),
  config: z.object({ url: z.string().default(""), content_type: z.string().default("form") }),
});
type GivenHook = z.infer<typeof hook>;

/** The largest that the server's settings allow unless they were changed. */
const pageSize = 50;
const pagesMax = 20;

export function createHooks(ask: Ask): ForgeHooks {
  return {
    async list(signal) {
      const found = new Map<string, Hook>();
      for (let page = 1; page <= pagesMax; page += 1) {
        const hooks = await ask("GET", `/hooks?limit=${pageSize}&page=${page}`, { as: z.array(hook), signal });
        const before = found.size;
        for (const one of hooks.map(toHook)) found.set(one.id, one);
        // A server that knows no pages gives the same for each.
        if (hooks.length < pageSize || found.size === before) break;
      }
      return [...found.values()];
    },
    async create(settings, signal) {
      const body = { type: "gitea", ...toFields(settings) };
      return toHook(await ask("POST", "/hooks", { as: hook, body, signal }));
    },
    async update(id, settings, signal) {
      return toHook(await ask("PATCH", pathOf(id), { as: hook, body: toFields(settings), signal }));
    },
    async remove(id, signal) {
      await ask("DELETE", pathOf(id), { as: z.unknown(), signal });
    },
    ping: (id, signal) => ping(ask, id, signal),
    // Its pages show what was sent, its API does not.
    pingsNew: false,
    deliveries: null,
  };
}

/**
 * The test of a hook is a push event, and is sent only to a hook that wants pushes: this one wants them for so long. What is
 * sent was decided when the question was answered.
 */
async function ping(ask: Ask, id: string, signal: AbortSignal): Promise<void> {
  const given = await ask("GET", pathOf(id), { as: hook, signal });
  const wantsPushes = given.events.includes("push");
  const want = (events: readonly string[]) =>
    ask("PATCH", pathOf(id), { as: hook, body: { ...keptFields(given), events }, signal });
  const events = toWanted(given.events);
  if (!wantsPushes) await want([...events, "push"]);
  try {
    await ask("POST", `${pathOf(id)}/tests`, { as: z.unknown(), signal });
  } finally {
    if (!wantsPushes) await want(events);
  }
}

/** What a change takes away where it does not name it. */
function keptFields({ active, branch_filter, authorization_header }: GivenHook): object {
  return { active, branch_filter, authorization_header };
}

function toFields({ url, secret, events }: HookSettings): object {
  const config = { url, secret, content_type: "json" };
  return { active: true, branch_filter: "*", events: events.flatMap((event) => asked.get(event) ?? event), config };
}

/** Whoever asks for `pull_request` gets labels, reviews and comments too. Comments on pull requests are an event of their own. */
const asked: ReadonlyMap<string, string> = new Map([
  ["pull_request", "pull_request_only"],
  ["issue_comment", "pull_request_comment"],
]);

/** Told is what a hook sends, by other words than it is asked for with. */
function toWanted(told: readonly string[]): readonly string[] {
  const words = told.map((event) => {
    if (event === "pull_request" || event === "issues") return `${event}_only`;
    return /^pull_request_review_(?:approved|rejected|comment)$/.test(event) ? "pull_request_review" : event;
  });
  return [...new Set(words)];
}

function toHook({ id, active, events, config }: GivenHook): Hook {
  const { url, content_type: contentType } = config;
  const told = events.map((event) => (event === "pull_request_comment" ? "issue_comment" : event));
  // Whether certificates are verified is the server's setting, and it is on unless it was changed.
  return { id: String(id), url, events: [...new Set(told)], contentType, isActive: active, verifiesTls: true };
}

function pathOf(id: string): string {
  return `/hooks/${encodeURIComponent(id)}`;
}
