// A delivery that is being stored: its row in the ledger, and what is answered to one that is there already.

import { pullRequestTitle } from "../../core/activity.ts";
import type { Delivery, RuleVerdict } from "../../core/delivery.ts";
import { AppError } from "../../core/errors.ts";
import type { Accepted } from "../../core/ports.ts";
import type { StoredBody } from "./stored-body.ts";

/** What a redelivery is compared with and answered from. */
export interface StoredDelivery {
  readonly guid: string;
  /** SHA-256 of the body, in hex. */
  readonly digest: string;
  /** ISO 8601. */
  readonly receivedAt: string;
  readonly reason: string;
  readonly buildId: number | null;
}

/** What the ledger made of a decision. */
export interface Recorded extends Accepted {
  readonly rules: readonly RuleVerdict[];
}

/** `conflict` when the body is another one than before. */
export function toDuplicate({ guid }: Delivery, body: StoredBody, stored: StoredDelivery): Accepted | AppError {
  if (stored.digest !== body.digest) {
    const message = `delivery ${guid} was stored before with another body; a forge never does that: check who sends it`;
    return new AppError("conflict", message);
  }
  const reason = `stored on ${new Date(stored.receivedAt).toISOString()}: ${stored.reason}`;
  return { guid, verdict: "duplicate", reason, buildId: stored.buildId };
}

/** Values by column, the body's bytes aside. */
export function toDeliveryRow(delivery: Delivery, body: StoredBody, recorded: Recorded): Record<string, unknown> {
  const { guid, forge, name, event, hookId, headers, secretId } = delivery;
  const { verdict, reason, rules, buildId } = recorded;
  return {
    ...{ guid, forge, name, action: event.action, repository: event.repository, hook_id: hookId },
    ...{ headers, secret_id: secretId, body_digest: `\\x${body.digest}`, body_bytes: body.bytes },
    ...{ verdict, reason, rules, build_id: buildId, title: titleOf(delivery), is_origin: verdict === "build" },
  };
}

function titleOf({ event }: Delivery): string | null {
  return event.kind === "pull_request" ? pullRequestTitle(event.pullRequest) : null;
}
