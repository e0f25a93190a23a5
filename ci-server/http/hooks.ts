// /api/v1/hooks: the webhooks on the forges, looked at, added, repaired, and given another secret.

import Router from "@koa/router";
import { z } from "zod";
import type { AuditRecord } from "../core/accounts.ts";
import { findRepository } from "../core/decide.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { Repository } from "../core/recipe.ts";
import { addedHookView, hookListView, rotationView } from "../core/views/hooks.ts";
import { shown } from "../core/views/json.ts";
import { addHook, checkByPing } from "../flows/add-hook.ts";
import { checkHooks } from "../flows/check-hooks.ts";
import { type RotateParts, rotateSecret } from "../flows/rotate-secret.ts";
import { requireAdmin } from "./auth.ts";
import { noteForAudit } from "./context.ts";
import { line, parseBody } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

export interface HookRouteParts {
  readonly hooks: RotateParts;
  readonly hookPingMsMax: number;
  readonly overlapHours: number;
  /** What is asked of forges is broken off. */
  readonly stopping: AbortSignal;
}

const name = line.max(200);
const ofOne = z.strictObject({ repository: name });
const ofAll = z.strictObject({ repository: name.optional() });
const nothing = z.strictObject({});
/** So long whoever asks may have to wait for forges that are slow. */
const answerMsMax = 5 * 60_000;

export function hookRoutes({ hooks, hookPingMsMax, overlapHours, stopping }: HookRouteParts): Router {
  const router = new Router({ prefix: "/api/v1/hooks" });
  const within = () => AbortSignal.any([stopping, AbortSignal.timeout(answerMsMax)]);
  // At each route: what a router uses, it uses for paths in exactly these letters, while it takes them in any case.
  router.get("/", requireAdmin(), async (ctx) => {
    ctx.body = shown(hookListView, { hooks: await checkHooks(hooks, hooks.repositories, within()) });
  });
  router.post("/", requireAdmin(), async (ctx) => {
    const repository = find(hooks, (await parseBody(ofOne, ctx)).repository);
    const note = (detail: AuditRecord["detail"]) =>
      noteForAudit(ctx, { action: "hook_added", target: repository.name, detail });
    // The forge may have it though it then says no more.
    note({});
    const added = await addHook(hooks, repository, hookPingMsMax, within()).catch(refusedByForge);
    const { action, pinged } = added;
    note({ action, pinged });
    ctx.body = shown(addedHookView, added);
  });
  router.post("/check", requireAdmin(), async (ctx) => {
    const { repository } = await parseBody(ofAll, ctx);
    const asked = repository === undefined ? hooks.repositories : [find(hooks, repository)];
    const found = await checkByPing(hooks, asked, hookPingMsMax, within());
    noteForAudit(ctx, { action: "hooks_checked", target: repository ?? null, detail: { hooks: found.length } });
    ctx.body = shown(hookListView, { hooks: found });
  });
  router.post("/rotate-secret", requireAdmin(), async (ctx) => {
    await parseBody(nothing, ctx);
    const note = (detail: AuditRecord["detail"]) =>
      noteForAudit(ctx, { action: "secret_rotated", target: "webhook-secret", detail });
    note({});
    const rotation = await rotateSecret(hooks, within());
    const { secretId, isResumed, isDone } = rotation;
    note({ secretId, isResumed, isDone });
    ctx.body = shown(rotationView, { ...rotation, overlapHours });
  });
  return router;
}

/** What the forge says of our access is nothing that it says of whoever asks us. */
function refusedByForge(thrown: unknown): never {
  const { code, message, details } = toAppError(thrown);
  if (code === "rate_limited") throw new AppError("unavailable", message, { cause: thrown, details });
  // A token's file that is not there, or a token that has ended: the message says what to do.
  if (code === "unauthorized") throw new AppError("conflict", message, { cause: thrown });
  if (!["forbidden", "not_found"].includes(code)) throw thrown;
  const help =
    "the repository's access needs the permission to change its webhooks (GitHub: an admin's token, or an App with Webhooks: write)";
  throw new AppError("conflict", `the forge refuses it: ${message}; ${help}`, { cause: thrown });
}

function find({ repositories }: RotateParts, wanted: string): Repository {
  const found = findRepository(repositories, wanted);
  if (found === undefined)
    throw new AppError("not_found", `${wanted} is not configured; see "repositories" in mergedock.yml`);
  return found;
}

export const hookPaths: Paths = {
  "/api/v1/hooks": {
    get: operation({
      summary: "The webhook of each configured repository, as the forge has it, and what is wrong with it",
      description: "Asks the forges, and changes nothing.",
      role: "admin",
      answers: { 200: { schema: hookListView } },
    }),
    post: operation({
      summary: "Add a repository's webhook, or repair it, and wait for the forge's ping",
      description: "Of a repository whose forge cannot be asked, the answer says what to enter by hand.",
      role: "admin",
      body: ofOne,
      answers: { 200: { schema: addedHookView } },
    }),
  },
  "/api/v1/hooks/check": {
    post: operation({
      summary: "Look at webhooks as GET does, once each was asked for a ping",
      role: "admin",
      body: ofAll,
      answers: { 200: { schema: hookListView } },
    }),
  },
  "/api/v1/hooks/rotate-secret": {
    post: operation({
      summary: "Give every webhook another secret, without a lost delivery",
      description:
        "The old one is accepted until every hook has the new one, and for some time after. May be repeated.",
      role: "admin",
      body: nothing,
      answers: { 200: { schema: rotationView } },
    }),
  },
};
