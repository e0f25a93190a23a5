// What to do about a check: a command to copy where it begins with one, and the rest as text.

import type { SystemView } from "../views.ts";
import { Command } from "./copy.tsx";

const begins = /^((?:docker|mergedock|systemctl) [^,;]+)[,;]?\s*/;

export function Fix({ check: { name, ok, fix } }: { readonly check: SystemView["checks"][number] }) {
  if (ok || fix === null) return null;
  const command = begins.exec(fix)?.[1] ?? null;
  const text = fix.replace(begins, "");
  return (
    <>
      {command !== null && <Command text={command} label={`what mends ${name}`} />}
      {text !== "" && <p class="fix-text">{text}</p>}
      {name === "forge" && (
        <p>
          <a href="/setup">Set-up: the webhook's URL and secret</a>
        </p>
      )}
    </>
  );
}
