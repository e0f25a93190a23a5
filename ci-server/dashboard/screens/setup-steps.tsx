// The steps from an empty installation to the first image, with those that are done.

import { State } from "../parts/state.tsx";
import { Time } from "../parts/time.tsx";
import type { SystemView } from "../views.ts";

export function SetupSteps({ system: { setup, checks } }: { readonly system: SystemView }) {
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
      done: setup.pingReceivedAt !== null,
      what: "The forge's ping has arrived",
      help: "add the webhook to the repository",
    },
    { done: setup.builds > 0, what: "A pull request was merged, and its image built", help: "merge one" },
  ];
  return (
    <ol class="steps">
      {steps.map(({ done, what, help }) => (
        <li key={what}>
          <State name={done ? "success" : "queued"} word={done ? "done" : "open"} />
          <span>
            {what}
            {!done && help !== null && <span class="quiet"> ({help})</span>}
            {done && what.includes("ping") && setup.pingReceivedAt !== null && (
              <>
                {" "}
                <Time at={setup.pingReceivedAt} />
              </>
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}
