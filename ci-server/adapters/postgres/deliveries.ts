// A delivery that is being stored: its row in the ledger, and what is answered to one that is there already.

import { pullRequestTitle } from "../../core/activity.ts";
import type { Delivery, Origin, RuleVerdict } from "../../core/delivery.ts";
import { AppError } from "../../core/errors.ts";
import type { Accepted } from "../../core/ports.ts";
import type { StoredBody } from "./stored-body.ts";

/** What a redelivery is compared with and answered from. */
export interface StoredDelivery {
  readonly guid: string;
  /** SHA-256 of the body, in hex. */
  readonly digest: string;
  readonly origin: Origin;
  /** ISO 8601. */
  readonly receivedAt: string;
  readonly reason: string;
  readonly buildId: number | null;
}

/** What the ledger made of a decision. */
export interface Recorded extends Accepted {
  readonly rules: readonly RuleVerdict[];
}

/** `conflict` when the body is another one than before. Bytes that were not signed are others than those that were. */
export function toDuplicate(delivery: Delivery, body: StoredBody, stored: StoredDelivery): Accepted | AppError {
  const { guid } = delivery;
  const areAsSent = originOf(delivery) === "webhook" && stored.origin === "webhook";
  if (areAsSent && stored.digest !== body.digest) {
    const message = `delivery ${guid} was stored before with another body; a forge never does that: check who sends it`;
    return new AppError("conflict", message);
  }
  const reason = `stored on ${new Date(stored.receivedAt).toISOString()}: ${stored.reason}`;
  return { guid, verdict: "duplicate", reason, buildId: stored.buildId };
}

export function originOf({ origin = "webhook" }: Delivery): Origin {
  return origin;
}

/** Values by column, the body's bytes aside. */
export function toDeliveryRow(delivery: Delivery, body: StoredBody, recorded: Recorded): Record<string, unknown> {
  const { guid, forge, name, event, hookId, headers, secretId } = delivery;
  const { verdict, reason, rules, buildId } = recorded;
  return {
    ...{ guid, forge, name, action: event.action, repository: event.repository, hook_id: hookId },
    ...{ headers, secret_id: secretId, body_digest: `\\x${body.digest}`, body_bytes: body.bytes },
    ...{ verdict, reason, rules, build_id: buildId, title: titleOf(delivery), is_origin: verdict === "build" },
    origin: originOf(delivery),
  };
}

function titleOf({ event }: Delivery): string | null {
  if (event.kind === "found" && event.pullRequest === null) return `${event.commits} × push to ${event.branch}`;
  const pullRequest = event.kind === "pull_request" || event.kind === "found" ? event.pullRequest : null;
  return pullRequest === null ? null : pullRequestTitle(pullRequest);
}
