// Text to be taken elsewhere: a button that copies, and a command with such a button.

import { useSignal } from "@preact/signals";
import { copy } from "../browser.ts";
import { Icon } from "./icon.tsx";
import { Scroll } from "./scroll.tsx";

const saidMs = 1_500;

interface CopyProps {
  readonly text: string | (() => string);
  readonly label: string;
  /** The sign alone is shown; the label is for those who hear the page. */
  readonly isBare?: boolean;
}

export function CopyButton({ text, label, isBare = false }: CopyProps) {
  const said = useSignal("");
  const onClick = async () => {
    said.value = (await copy(typeof text === "string" ? text : text())) ? "copied" : "could not be copied";
    setTimeout(() => {
      said.value = "";
    }, saidMs);
  };
  return (
    <button
      type="button"
      class={isBare ? "button bare" : "button"}
      onClick={onClick}
      title={isBare ? label : undefined}
    >
      <Icon name={said.value === "copied" ? "success" : "copy"} />
      <span class={isBare ? "unseen" : ""}>{said.value || label}</span>
      <span class="unseen" role="status">
        {said.value}
      </span>
    </button>
  );
}

export function Command({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div class="command">
      <Scroll class="command-text" label={label}>
        <pre>{text}</pre>
      </Scroll>
      <CopyButton text={text} label={`Copy ${label}`} isBare />
    </div>
  );
}
