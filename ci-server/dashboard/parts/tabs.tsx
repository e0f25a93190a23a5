// Tabs as the ARIA practices have them: one of them is in the tab order, arrows go from one to the next.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export interface Tab {
  readonly id: string;
  readonly title: string;
  readonly content: () => ComponentChildren;
}

export function Tabs({ tabs, label }: { readonly tabs: readonly Tab[]; readonly label: string }) {
  const [chosen, choose] = useState(tabs[0]?.id);
  const shown = tabs.find(({ id }) => id === chosen) ?? tabs[0];
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined || shown === undefined) return;
    const next = tabs[(tabs.indexOf(shown) + by + tabs.length) % tabs.length];
    choose(next?.id);
    document.getElementById(`tab-${next?.id}`)?.focus();
  };
  return (
    <section class="tabs">
      <div class="tab-list" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            class="tab"
            aria-selected={id === shown?.id}
            aria-controls={`panel-${id}`}
            tabIndex={id === shown?.id ? 0 : -1}
            onClick={() => choose(id)}
          >
            {title}
          </button>
        ))}
      </div>
      {tabs.map(({ id, content }) => (
        <div
          key={id}
          role="tabpanel"
          id={`panel-${id}`}
          class="tab-panel"
          aria-labelledby={`tab-${id}`}
          hidden={id !== shown?.id}
        >
          {id === shown?.id && content()}
        </div>
      ))}
    </section>
  );
}
