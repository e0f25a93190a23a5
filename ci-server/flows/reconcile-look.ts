// What a look has brought, and how what it found is handed to the store.

import { type Decision, decide } from "../core/decide.ts";
import type { Delivery } from "../core/delivery.ts";
import type { Accepted, Arrived } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { toBuildRequest } from "./accept-delivery.ts";

export interface Look {
  readonly way: "api" | "git";
  /** What had not arrived, in its order. */
  readonly taken: readonly Accepted[];
  /** Deliveries that the forge was asked to send again, since their payload could not be read. */
  readonly askedAgain: number;
  /** Commits that no pull request can be named for. */
  readonly pushed: number;
  /** Why something may have been missed; null when nothing was. */
  readonly problem: string | null;
}

export function toArrived(repositories: readonly Repository[], delivery: Delivery): Arrived {
  const decision: Decision = decide(delivery.event, repositories, delivery.name);
  const request = decision.verdict === "build" ? toBuildRequest(decision, delivery.guid) : null;
  return { delivery, decision, request };
}
