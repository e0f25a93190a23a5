// Webhooks: made, changed, tested, listed. Source: routers/api/v1/utils/hook.go, models/webhook/webhook.go.

import { testPushPayload } from "./payloads.ts";
import { type Answer, notFound, type Question, type Route, refused } from "./routes.ts";
import { send } from "./send.ts";
import type { FakeHook, FakeRepository, FakeState } from "./state.ts";

const needs = { scope: "repository", permission: "admin" } as const;

export const hookRoutes: readonly Route[] = [
  { method: "GET", path: "/hooks", needs, answer: list },
  { method: "POST", path: "/hooks", needs, answer: create },
  { method: "GET", path: "/hooks/:id", needs, answer: withHook(({ hook }) => ok(hook)) },
  { method: "PATCH", path: "/hooks/:id", needs, answer: withHook(change) },
  {
    ...{ method: "DELETE", path: "/hooks/:id", needs },
    answer: withHook(({ repository, hook }) => {
      repository.hooks.delete(hook.id);
      return { status: 204 };
    }),
  },
  { method: "POST", path: "/hooks/:id/tests", needs, answer: withHook(test) },
];

/** To every hook that wants it; resolves when all of them were answered, or were not. */
export async function tellHooks(state: FakeState, repository: FakeRepository, event: string, payload: object) {
  await Promise.all([...repository.hooks.values()].map((hook) => tell(state, hook, event, payload)));
}

/** Nothing is sent of what a hook has not asked for, a test neither (PrepareWebhook). */
async function tell({ flavour }: FakeState, hook: FakeHook, event: string, payload: object): Promise<void> {
  if (!hook.active || !hook.events.includes(event)) return;
  const { url, secret, content_type: contentType } = hook.config;
  hook.deliveries.push(await send({ url, secret, contentType, event, payload, flavour }));
}

function list({ repository, query }: Question): Answer {
  const size = Math.min(Number(query.get("limit") ?? 30), 50);
  const from = (Number(query.get("page") ?? 1) - 1) * size;
  return { status: 200, body: [...repository.hooks.values()].slice(from, from + size).map(toJson) };
}

function create({ state, repository, body }: Question): Answer {
  const { type, config = {}, events = [], active = false, branch_filter = "" } = body as HookFields;
  if (type !== "gitea") return refused(422, `Invalid hook type: ${type}`);
  for (const name of ["url", "content_type"] as const)
    if (config[name] === undefined) return refused(422, `Missing config option: ${name}`);
  const { url = "", secret = "", content_type = "" } = config;
  if (!["json", "form"].includes(content_type)) return refused(422, "Invalid content type");
  const hook: FakeHook = {
    ...{ id: state.nextId(), events: kept(events), active, branchFilter: branch_filter, deliveries: [] },
    config: { url, secret, content_type },
  };
  repository.hooks.set(hook.id, hook);
  return ok(hook, 201);
}

interface HookFields {
  readonly type?: string;
  readonly config?: { readonly url?: string; readonly secret?: string; readonly content_type?: string };
  readonly events?: readonly string[];
  readonly active?: boolean;
  readonly branch_filter?: string;
}

/** editHook: the config's fields one by one; events and the filter of branches as they are given, or not. */
function change({ body, hook }: HookQuestion): Answer {
  const { config = {}, events = [], active, branch_filter = "" } = body as HookFields;
  Object.assign(hook.config, config);
  hook.events = kept(events);
  hook.branchFilter = branch_filter;
  hook.active = active ?? hook.active;
  return ok(hook);
}

/** The words that one asks with are not those that are kept. */
function kept(events: readonly string[]): readonly string[] {
  const all = ["", "_assign", "_label", "_milestone", "_comment", "_review", "_review_request", "_sync"];
  const pulls = all.filter((kind) => events.includes(`pull_request${kind === "" ? "_only" : kind}`));
  const isAll = events.includes("pull_request");
  const others = ["create", "delete", "push", "release", "issue_comment"].filter((event) => events.includes(event));
  if (events.length === 0) return ["push"];
  return [...others, ...(isAll ? all : pulls).map((kind) => `pull_request${kind}`)];
}

async function test({ state, repository, hook }: HookQuestion): Promise<Answer> {
  const sha = await repository.git.resolve(repository.git.defaultBranch);
  // It stands in a queue by then, and is delivered whatever becomes of the hook's events.
  void tell(state, { ...hook }, "push", testPushPayload(repository, sha));
  return { status: 204 };
}

type HookQuestion = Question & { readonly hook: FakeHook };

function withHook(answer: (question: HookQuestion) => Answer | Promise<Answer>): Route["answer"] {
  return (question) => {
    const hook = question.repository.hooks.get(Number(question.path.id));
    return hook === undefined ? notFound : answer({ ...question, hook });
  };
}

function ok(hook: FakeHook, status = 200): Answer {
  return { status, body: toJson(hook) };
}

/** A secret is never given back. */
function toJson({ id, config: { url, content_type }, events, active, branchFilter }: FakeHook): object {
  const times = { updated_at: new Date().toISOString(), created_at: new Date().toISOString() };
  return {
    ...{ id, type: "gitea", branch_filter: branchFilter, config: { content_type, url }, events },
    ...{ authorization_header: "", active, ...times },
  };
}
