// What became of something: sign, word and colour, so that none of them has to be seen.

import type { BuildEntry } from "../views.ts";
import { Icon, type IconName } from "./icon.tsx";

const words = {
  success: "built",
  failure: "failed",
  error: "error",
  timeout: "timed out",
  cancellation: "cancelled",
  skip: "skipped",
  running: "running",
  queued: "waiting",
} as const satisfies Partial<Record<IconName, string>>;

export type StateName = keyof typeof words;

export function stateOf({ result, startedAt }: Pick<BuildEntry, "result" | "startedAt">): StateName {
  return result ?? (startedAt === null ? "queued" : "running");
}

export function State({ name, word }: { readonly name: StateName; readonly word?: string }) {
  return (
    <span class={`state state-${name}`}>
      <Icon name={name} />
      <span class="state-word">{word ?? words[name]}</span>
    </span>
  );
}
