// The steps from an empty installation to the first image, with those that are done.

import { heardFromForge } from "../check-state.ts";
import { useLoaded } from "../live.ts";
import { State } from "../parts/state.tsx";
import type { BuildEntry, SystemView } from "../views.ts";

const pollMs = 3_000;
/** One of a merge that went well. */
const mergeBuilt = "/builds?trigger=pull_request&result=success&limit=1";

export function SetupSteps({ system }: { readonly system: SystemView }) {
  const { setup, checks } = system;
  const merged = useLoaded<{ readonly builds: readonly BuildEntry[] }>(mergeBuilt, pollMs).value.value;
  const needed = checks.filter(({ name }) => ["engine", "registry", "database"].includes(name));
  const broken = needed.filter(({ ok }) => !ok).map(({ name }) => name);
  const steps = [
    {
      done: broken.length === 0,
      what: "Engine, registry and database work",
      help: broken.length > 0 ? `not yet: ${broken.join(", ")}` : null,
    },
    {
      done: setup.repositories > 0,
      what: "A repository is named in mergedock.yml",
      help: 'under "repositories", with its URL',
    },
    {
      done: heardFromForge(system) !== null,
      what: "A delivery of the forge has arrived",
      help: "add the webhook to the repository",
    },
    {
      done: merged !== null && merged.builds.length > 0,
      what: "A pull request was merged, and its image built",
      help: "merge one",
    },
  ];
  return (
    <ol class="steps">
      {steps.map(({ done, what, help }) => (
        <li key={what}>
          <State name={done ? "success" : "queued"} word={done ? "done" : "open"} />
          <span>
            {what}
            {!done && help !== null && <span class="quiet"> ({help})</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
