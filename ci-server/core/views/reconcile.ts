// What was looked for because it did not arrive, as the API shows it.

import { z } from "zod";
import { reconcileWays } from "../ports/reconcile.ts";
import { count, time } from "./json.ts";

export const reconcileAskedView = z
  .object({
    repositories: z.array(
      z.object({
        repository: z.string(),
        round: count.meta({ description: "The look that was asked for: it is over when `endedRound` has come to it." }),
      }),
    ),
  })
  .meta({ id: "ReconcileAsked" });

export const reconcileListView = z
  .object({
    repositories: z.array(
      z.object({
        repository: z.string(),
        round: count,
        endedRound: count,
        lookedAt: time.nullable(),
        endedAt: time.nullable(),
        dueAt: time.nullable().meta({ description: "When it is looked at next; null: when it is asked for." }),
        way: z
          .enum(reconcileWays)
          .nullable()
          .meta({ description: "By the hook's deliveries, or by git; null: by none." }),
        found: count.meta({ description: "What had not arrived, of the last look." }),
        problem: z.string().nullable().meta({ description: "Why the last look was not all that it should be." }),
      }),
    ),
  })
  .meta({ id: "Reconcile" });
