// /api/v1/setup: the webhook's secret for whoever enters it on the forge, and a test delivery that the server signs itself.

import { createHmac, randomUUID } from "node:crypto";
import Router from "@koa/router";
import { z } from "zod";
import { testGuidPrefix } from "../core/catalogue.ts";
import { findRepository } from "../core/decide.ts";
import { AppError } from "../core/errors.ts";
import type { Repository } from "../core/recipe.ts";
import { shown } from "../core/views/json.ts";
import { secretView, testDeliveryView } from "../core/views/system.ts";
import type { WebhookSecrets } from "../flows/webhook-secrets.ts";
import { requireAdmin } from "./auth.ts";
import { noteForAudit } from "./context.ts";
import { line, parseBody } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

export interface SetupParts {
  readonly secrets: Pick<WebhookSecrets, "list" | "refresh">;
  readonly repositories: readonly Repository[];
  /** Of our own listener; null until it listens. */
  readonly webhookUrl: () => string | null;
}

const answerMsMax = 10_000;
const testRequest = z.strictObject({ repository: line.max(200) });

export function setupRoutes(parts: SetupParts): Router {
  const router = new Router({ prefix: "/api/v1/setup" });
  // At each route: what a router uses, it uses for paths in exactly these letters, while it takes them in any case.
  router.get("/secret", requireAdmin(), async (ctx) => {
    await parts.secrets.refresh();
    noteForAudit(ctx, { action: "secret_shown", target: "webhook-secret", detail: {} });
    ctx.set("Cache-Control", "no-store");
    ctx.body = shown(secretView, { secret: newest(parts) });
  });
  router.post("/test-delivery", requireAdmin(), async (ctx) => {
    const { repository } = await parseBody(testRequest, ctx);
    if (findRepository(parts.repositories, repository) === undefined)
      throw new AppError("not_found", `${repository} is not configured; see "repositories" in mergedock.yml`);
    const answer = await sendPing(parts, repository);
    noteForAudit(ctx, { action: "test_delivery", target: repository, detail: { delivery: answer.delivery } });
    ctx.body = shown(testDeliveryView, answer);
  });
  return router;
}

function newest({ secrets }: SetupParts): string {
  const [secret] = secrets.list();
  if (secret === undefined) throw new AppError("not_found", "there is no webhook secret");
  return secret.secret;
}

/** As GitHub sends one when a hook is made, but for its GUID, which tells the two apart. */
async function sendPing(parts: SetupParts, repository: string) {
  const url = parts.webhookUrl();
  if (url === null) throw new AppError("unavailable", "the webhook listener does not listen yet; ask again");
  const delivery = `${testGuidPrefix}${randomUUID()}`;
  const body = JSON.stringify({ zen: "A test delivery.", hook_id: 0, repository: { full_name: repository } });
  const headers = {
    "Content-Type": "application/json",
    "User-Agent": "Mergedock",
    "X-GitHub-Event": "ping",
    "X-GitHub-Delivery": delivery,
    "X-Hub-Signature-256": `sha256=${createHmac("sha256", newest(parts)).update(body).digest("hex")}`,
  };
  const request = { method: "POST", headers, body, signal: AbortSignal.timeout(answerMsMax) };
  const response = await fetch(url, request).catch((cause: unknown) => {
    throw new AppError("unavailable", `the webhook listener at ${url} does not answer`, { cause });
  });
  const answer = answerOf(await response.text());
  return { status: response.status, verdict: answer.verdict ?? null, delivery };
}

const webhookAnswer = z.object({ verdict: z.string().optional() });

function answerOf(text: string): z.infer<typeof webhookAnswer> {
  try {
    return webhookAnswer.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

export const setupPaths: Paths = {
  "/api/v1/setup/secret": {
    get: operation({
      summary: "The webhook's secret, to be entered on the forge",
      description: "Goes into the audit each time.",
      role: "admin",
      answers: { 200: { schema: secretView } },
    }),
  },
  "/api/v1/setup/test-delivery": {
    post: operation({
      summary: "Send a signed ping to the server's own webhook listener",
      role: "admin",
      body: testRequest,
      answers: { 200: { schema: testDeliveryView } },
    }),
  },
};
