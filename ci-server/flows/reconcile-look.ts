// What a look has brought, and how what it found is handed to the store.

import { type Decision, decide } from "../core/decide.ts";
import type { Delivery } from "../core/delivery.ts";
import { toAppError } from "../core/errors.ts";
import type { Accepted, Arrived, Store } from "../core/ports.ts";
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
  const decision: Decision = decide(delivery.event, repositories, delivery);
  const request = decision.verdict === "build" ? toBuildRequest(decision, delivery.guid) : null;
  return { delivery, decision, request };
}

export interface Taken {
  readonly taken: readonly Accepted[];
  /** Those that cannot be stored. */
  readonly refused: number;
}

/** One that the database refuses must not keep the others out, look after look. Throws `unavailable`. */
export async function takeAll(store: Pick<Store, "acceptAll">, arrived: readonly Arrived[]): Promise<Taken> {
  try {
    return { taken: await store.acceptAll(arrived), refused: 0 };
  } catch (thrown) {
    if (toAppError(thrown).code === "unavailable") throw thrown;
    if (arrived.length === 1) return { taken: [], refused: 1 };
  }
  const each: Taken[] = [];
  for (const one of arrived) each.push(await takeAll(store, [one]));
  return { taken: each.flatMap(({ taken }) => taken), refused: each.reduce((sum, { refused }) => sum + refused, 0) };
}
