// Sends a webhook delivery as GitHub does: its headers, its signature, JSON or form.

import { randomUUID } from "node:crypto";
import { Webhooks } from "@octokit/webhooks";

export type Delivery = {
  readonly url: string;
  /** null: the hook has no secret, nothing is signed. */
  readonly secret: string | null;
  readonly event: string;
  /** An object is sent as JSON, a text as it is. */
  readonly payload: object | string;
  readonly guid?: string;
  readonly contentType?: "application/json" | "application/x-www-form-urlencoded";
  /** Replace or add to GitHub's own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** GitHub's own 10 s when absent. */
  readonly timeoutMs?: number;
};

export type Answer = {
  readonly guid: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
};

const answerTimeoutMs = 10_000;

export async function sendDelivery(delivery: Delivery): Promise<Answer> {
  const { url, secret, event, payload, guid = randomUUID(), contentType = "application/json" } = delivery;
  const { timeoutMs = answerTimeoutMs } = delivery;
  const json = typeof payload === "string" ? payload : JSON.stringify(payload);
  const body = contentType === "application/json" ? json : new URLSearchParams({ payload: json }).toString();
  const headers = {
    Accept: "*/*",
    "Content-Type": contentType,
    "User-Agent": "GitHub-Hookshot/0123456",
    "X-GitHub-Delivery": guid,
    "X-GitHub-Event": event,
    "X-GitHub-Hook-ID": "292430182",
    ...(secret === null ? {} : { "X-Hub-Signature-256": await new Webhooks({ secret }).sign(body) }),
    ...delivery.headers,
  };
  const signal = AbortSignal.timeout(timeoutMs);
  // GitHub follows no redirect: it is an answer like any other, and no good one.
  const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
  return { guid, status: response.status, headers: response.headers, body: await response.text() };
}
