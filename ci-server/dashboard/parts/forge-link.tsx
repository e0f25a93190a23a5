// A link to where a delivery says that something is. A delivery may say anything: only web addresses become links.

import type { ComponentChildren } from "preact";

export function ForgeLink({ url, children }: { readonly url: string; readonly children: ComponentChildren }) {
  if (!/^https?:\/\//i.test(url)) return <span>{children}</span>;
  return (
    <a href={url} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  );
}
