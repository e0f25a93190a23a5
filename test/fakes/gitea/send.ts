// Sends a delivery as Gitea does (services/webhook/deliver.go, addDefaultHeaders), or as Forgejo, with its own names beside.

import { createHmac, randomUUID } from "node:crypto";
import type { DeliveryRecord } from "./state.ts";

export interface Sent {
  readonly url: string;
  /** Empty: the headers of the signature come all the same, without one. */
  readonly secret: string;
  /** `json` or `form`. */
  readonly contentType: string;
  readonly event: string;
  readonly eventType?: string;
  readonly payload: object;
  readonly flavour?: "gitea" | "forgejo";
  readonly guid?: string;
  /** Replace or add to its own. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** `DELIVER_TIMEOUT` of its settings. */
const answerMsMax = 5_000;

export async function send(sent: Sent): Promise<DeliveryRecord> {
  const { url, contentType, event, payload, guid = randomUUID() } = sent;
  const json = JSON.stringify(payload, null, 2);
  const isForm = contentType === "form";
  const headers = {
    "Content-Type": isForm ? "application/x-www-form-urlencoded" : "application/json",
    ...signedHeaders(sent, json, guid),
    ...sent.headers,
  };
  const body = isForm ? new URLSearchParams({ payload: json }).toString() : json;
  const request = { method: "POST", headers, body, signal: AbortSignal.timeout(answerMsMax) };
  const response = await fetch(url, request).catch(() => null);
  return { guid, event, status: response?.status ?? 0, answer: (await response?.text()) ?? "" };
}

/** Signed is the JSON, of a form too. */
function signedHeaders({ secret, event, eventType = event, flavour }: Sent, json: string, guid: string): object {
  const sign = (hash: string) => (secret === "" ? "" : createHmac(hash, secret).update(json).digest("hex"));
  const sha256 = sign("sha256");
  const families = ["Gitea", "Gogs", ...(flavour === "forgejo" ? ["Forgejo"] : [])];
  const own = families.flatMap((family) => [
    [`X-${family}-Delivery`, guid],
    [`X-${family}-Event`, event],
    [`X-${family}-Event-Type`, eventType],
    [`X-${family}-Signature`, sha256],
  ]);
  return {
    ...Object.fromEntries(own),
    ...{ "X-Hub-Signature": `sha1=${sign("sha1")}`, "X-Hub-Signature-256": `sha256=${sha256}` },
    ...{ "X-GitHub-Delivery": guid, "X-GitHub-Event": event, "X-GitHub-Event-Type": eventType },
    "User-Agent": "Go-http-client/1.1",
  };
}
