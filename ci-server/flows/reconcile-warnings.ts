// What an operator should know of the looks for what did not arrive.

import type { ReconcileStore } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import type { Warning } from "../core/warnings.ts";

/** Of more repositories than this nobody reads. */
const shownMax = 20;

/** Of each repository whose last look was not all that it should be. */
export async function reconcileWarnings(
  state: Pick<ReconcileStore, "states">,
  repositories: readonly Repository[],
): Promise<readonly Warning[]> {
  const states = await state.states(repositories.map(({ name }) => name));
  return states
    .flatMap(({ repository, problem }) => (problem === null ? [] : [toWarning(repository, problem)]))
    .slice(0, shownMax);
}

function toWarning(repository: string, problem: string): Warning {
  return {
    code: "reconcile",
    message: `what did not arrive of ${repository} may be missed: ${problem}`,
    fix: `mend that; it is tried again by itself, or at once with: mergedock reconcile ${repository}`,
  };
}
