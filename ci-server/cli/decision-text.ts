// A decision rule by rule, with what each of them saw.

import { paint, type Terminal } from "./terminal.ts";
import { padEnd, plain, widthOf } from "./text.ts";

export interface RuleView {
  readonly rule: string;
  readonly passed: boolean;
  readonly saw: string;
}

export function rulesText(rules: readonly RuleView[], look: Pick<Terminal, "hasColours">): string {
  const width = Math.max(0, ...rules.map(({ rule }) => widthOf(plain(rule))));
  return rules
    .map(({ rule, passed, saw }) => {
      const mark = passed ? paint(look, "green", "✓") : paint(look, "red", "✗");
      return `  ${mark} ${padEnd(plain(rule), width)}  ${plain(saw)}\n`;
    })
    .join("");
}
