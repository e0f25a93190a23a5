// Whether everything that is needed works: one sign for each part, and for those that do not, what mends it.

import { count } from "../format.ts";
import { Icon } from "../parts/icon.tsx";
import type { SystemView } from "../views.ts";

export function HealthStrip({ system }: { readonly system: SystemView }) {
  const bad = system.checks.filter(({ ok }) => !ok);
  const { queued, running } = system.queue;
  return (
    <section class="health" aria-label="Health">
      <ul class="health-checks">
        {system.checks.map(({ name, ok, detail }) => (
          <li key={name} class={ok ? "check is-ok" : "check is-bad"} title={detail}>
            <Icon name={ok ? "success" : "failure"} />
            <span>{name}</span>
            <span class="unseen">{ok ? "works" : "does not work"}</span>
          </li>
        ))}
        <li class="check-queue quiet">
          {count(running, "build")} running, {queued} waiting
        </li>
      </ul>
      {bad.map(({ name, detail, fix }) => (
        <p key={name} class="note note-bad">
          <strong>{name}:</strong> {detail} {fix !== null && <span class="fix">→ {fix}</span>}
        </p>
      ))}
      {system.warnings.map(({ code, message, fix }) => (
        <p key={code + message} class="note note-warn">
          {message} {fix !== null && <span class="fix">→ {fix}</span>}
        </p>
      ))}
    </section>
  );
}
