// Tells a program: a CloudEvent that carries a CDEvent, signed so that its receiver can tell it from a forged one.
// Source: Standard Webhooks 1.0.0 (HMAC-SHA256 over id, time and body), CloudEvents' HTTP binding (structured mode).

import { createHmac } from "node:crypto";
import { toCloudEvent } from "../../core/cdevents.ts";
import type { Channel } from "../../core/ports.ts";
import { post } from "./post.ts";

export interface WebhookChannelOptions {
  readonly name: string;
  readonly url: string;
  /** `whsec_` and base64, or any other text as it is. */
  readonly secret: string;
  readonly publicUrl: string | null;
}

export function createWebhookChannel({ name, url, secret, publicUrl }: WebhookChannelOptions): Channel {
  const key = toKey(secret);
  return {
    name,
    send({ id, notice }, signal) {
      const body = JSON.stringify(toCloudEvent(notice, { id, publicUrl }));
      // The time of the attempt: receivers refuse what is older than some minutes.
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
      const headers = {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "user-agent": "mergedock",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": `v1,${signature}`,
      };
      return post({ url, headers, body, signal });
    },
  };
}

function toKey(secret: string): Buffer {
  return secret.startsWith("whsec_") ? Buffer.from(secret.slice("whsec_".length), "base64") : Buffer.from(secret);
}
