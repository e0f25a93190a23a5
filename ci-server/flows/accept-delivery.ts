// Decides on a verified delivery and stores it with everything that follows from it; after a return nothing of it can be lost.

import type { BuildRequest } from "../core/build.ts";
import { type BuildDecision, decide } from "../core/decide.ts";
import type { Delivery } from "../core/delivery.ts";
import type { Accepted, Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";

export interface AcceptParts {
  readonly store: Store;
  readonly repositories: readonly Repository[];
}

/** `traceparent`: what the delivery's build goes on with; null where nobody traces. */
export function acceptDelivery(
  { store, repositories }: AcceptParts,
  delivery: Delivery,
  traceparent: string | null = null,
): Promise<Accepted> {
  const decision = decide(delivery.event, repositories, delivery);
  const request = decision.verdict === "build" ? { ...toBuildRequest(decision, delivery.guid), traceparent } : null;
  return store.accept(delivery, decision, request);
}

export function toBuildRequest(decision: BuildDecision, deliveryGuid: string): BuildRequest {
  const { repository, about, pullRequest, sha } = decision;
  const { number, title, url, author, mergedBy, headRef, headSha, commits, mergeBase = null } = pullRequest;
  const begin = mergeBase === null ? {} : { mergeBase };
  return {
    repository: repository.name,
    trigger: decision.trigger ?? "pull_request",
    sha,
    ref: pullRequest.baseRef,
    service: null,
    version: null,
    pullRequest: {
      ...{ number, title, url, author, mergedBy, headRef, headSha, commits, ...begin },
      ...(about !== null && { repository: about }),
    },
    deliveryGuid,
  };
}
