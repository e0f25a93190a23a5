// /healthz: the process answers. /readyz: everything it needs does too, or which part does not and why.

import Router from "@koa/router";
import { healthView, readyView } from "../core/views/system.ts";
import { operation, type Paths } from "./operation.ts";

/** One dependency: resolves with what was found, rejects with why it cannot be used. */
export type Check = (signal: AbortSignal) => Promise<string>;

export interface CheckOutcome {
  readonly ok: boolean;
  readonly detail: string;
}

const checkMsMax = 3_000;

export function healthRoutes(checks: Readonly<Record<string, Check>>): Router {
  const router = new Router();
  // Nobody needs a token to ask: those who ask at the same time share one answer.
  let asking: Promise<Record<string, CheckOutcome>> | null = null;
  const ask = () => {
    asking ??= runChecks(checks).finally(() => {
      asking = null;
    });
    return asking;
  };
  router.get("/healthz", (ctx) => {
    ctx.body = { status: "ok" };
  });
  router.get("/readyz", async (ctx) => {
    const outcomes = await ask();
    const ready = Object.values(outcomes).every((outcome) => outcome.ok);
    ctx.status = ready ? 200 : 503;
    ctx.body = { ready, checks: outcomes };
  });
  return router;
}

export async function runChecks(checks: Readonly<Record<string, Check>>): Promise<Record<string, CheckOutcome>> {
  const entries = Object.entries(checks).map(async ([name, check]) => [name, await runCheck(check)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function runCheck(check: Check): Promise<CheckOutcome> {
  const signal = AbortSignal.timeout(checkMsMax);
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error(`no answer within ${checkMsMax / 1000} s`)), {
      once: true,
    });
  });
  try {
    return { ok: true, detail: await Promise.race([check(signal), late]) };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

export const healthPaths: Paths = {
  "/healthz": {
    get: operation({ summary: "Whether the process answers", role: null, answers: { 200: { schema: healthView } } }),
  },
  "/readyz": {
    get: operation({
      summary: "Whether all that the process needs can be used",
      role: null,
      answers: {
        200: { description: "It can", schema: readyView },
        503: { description: "Something cannot", schema: readyView },
      },
    }),
  },
};
