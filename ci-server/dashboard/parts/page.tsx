// A page's frame.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

/** A page's frame; `title` is the window's as well. */
export function Page({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Mergedock`;
  }, [title]);
  return (
    <div class="page">
      <h1>{title}</h1>
      {children}
    </div>
  );
}
