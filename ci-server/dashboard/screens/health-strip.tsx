// Whether everything that is needed works: one sign for each part, what mends those that do not, and, folded, what to mind.

import { isBad, wordOf } from "../check-state.ts";
import { count } from "../format.ts";
import { Icon } from "../parts/icon.tsx";
import type { SystemView } from "../views.ts";

export function HealthStrip({ system }: { readonly system: SystemView }) {
  const { queued, running } = system.queue;
  return (
    <section class="health" aria-label="Health">
      <ul class="health-checks">
        {system.checks.map((check) => (
          <Sign key={check.name} check={check} />
        ))}
        <li class="check-queue quiet">
          {count(running, "build")} running, {queued} waiting
        </li>
      </ul>
      {system.checks.filter(isBad).map(({ name, detail, fix }) => (
        <p key={name} class="note note-bad">
          <strong>{name}:</strong> {detail} {fix !== null && <span class="fix">→ {fix}</span>}
        </p>
      ))}
      <Warnings warnings={system.warnings} />
    </section>
  );
}

function Sign({ check }: { readonly check: SystemView["checks"][number] }) {
  const { name, ok, detail } = check;
  if (ok || isBad(check))
    return (
      <li class={ok ? "check is-ok" : "check is-bad"} title={detail}>
        <Icon name={ok ? "success" : "failure"} />
        <span>{name}</span>
        <span class="unseen">{wordOf(check)}</span>
      </li>
    );
  return (
    <li class="check" title={detail}>
      <Icon name="skip" />
      <a class="quiet" href="/setup">
        {name}: {wordOf(check)}
      </a>
    </li>
  );
}

function Warnings({ warnings }: Pick<SystemView, "warnings">) {
  if (warnings.length === 0) return null;
  return (
    <details class="note note-warn">
      <summary>{count(warnings.length, "thing")} to look at</summary>
      <ul class="warnings">
        {warnings.map(({ code, message, fix }) => (
          <li key={code + message}>
            {message} {fix !== null && <span class="fix">→ {fix}</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}
