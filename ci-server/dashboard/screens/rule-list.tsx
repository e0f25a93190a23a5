// A decision rule by rule: what each looked at, and whether it passed.

import { State } from "../parts/state.tsx";
import type { DeliveryView } from "../views.ts";

export function RuleList({ rules }: { readonly rules: DeliveryView["rules"] }) {
  return (
    <ol class="rules">
      {rules.map(({ rule, passed, saw }) => (
        <li key={rule}>
          <State name={passed ? "success" : "failure"} word={passed ? "passed" : "stopped here"} />
          <span class="rule-name">{rule}</span>
          <code class="rule-saw">{saw}</code>
        </li>
      ))}
    </ol>
  );
}
