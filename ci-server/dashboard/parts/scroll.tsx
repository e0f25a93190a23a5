// What may be longer or wider than its place: it scrolls, and the keyboard reaches it.

import type { ComponentChildren, Ref } from "preact";

interface ScrollProps {
  readonly label: string;
  readonly class?: string;
  readonly innerRef?: Ref<HTMLElement>;
  readonly children: ComponentChildren;
}

export function Scroll({ label, class: name = "scroll", innerRef, children }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard has to reach what scrolls.
    <section ref={innerRef ?? null} class={name} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
