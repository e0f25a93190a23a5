// A rule looks at one thing, says whether it passes, and leaves what it saw.

import type { RuleVerdict } from "./delivery.ts";

export interface Rule<Subject> {
  readonly name: string;
  /** What the rule looks at, as text. */
  saw(subject: Subject): string;
  passes(subject: Subject): boolean;
  /** A sentence for the person who asks why. */
  refusal(subject: Subject): string;
}

/** Asks the rules in their order and notes each verdict; returns the refusal of the first one that does not pass, or null. */
export function judge<Subject>(
  rules: readonly Rule<Subject>[],
  subject: Subject,
  verdicts: RuleVerdict[],
): string | null {
  for (const rule of rules) {
    const passed = rule.passes(subject);
    verdicts.push({ rule: rule.name, passed, saw: rule.saw(subject) });
    if (!passed) return rule.refusal(subject);
  }
  return null;
}
