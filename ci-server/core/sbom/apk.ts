// Alpine's list of installed packages: /lib/apk/db/installed. Source: apk-package(5), "installed" database.

import type { Package } from "./package.ts";
import { paragraphs } from "./paragraphs.ts";

/** P: name, V: version, A: architecture, o: origin. */
const wanted = new Set(["P", "V", "A", "o"]);

export function parseApk(text: string): Package[] {
  return paragraphs(text, wanted).flatMap((fields) => {
    const [name, version, origin] = [fields.get("P"), fields.get("V"), fields.get("o")];
    if (!name || !version) return [];
    return [
      { kind: "apk", name, version, arch: fields.get("A") || null, source: origin === name ? null : origin || null },
    ];
  });
}
