// Debian's list of installed packages: /var/lib/dpkg/status, and in distroless images a file for each in status.d.
// Source: deb-control(5), dpkg-query(1).

import type { Package } from "./package.ts";
import { paragraphs } from "./paragraphs.ts";

const wanted = new Set(["Package", "Status", "Version", "Architecture", "Source"]);

/** Those that are installed: a package that was removed and has left its configuration is none. */
export function parseDpkg(text: string): Package[] {
  return paragraphs(text, wanted).flatMap((fields) => {
    const [name, version, status] = [fields.get("Package"), fields.get("Version"), fields.get("Status")];
    // Distroless files have no status: that they are there says it.
    const isInstalled = status === undefined || status.split(" ").at(-1) === "installed";
    if (!name || !version || !isInstalled) return [];
    const source = toSource(fields.get("Source"), name);
    return [{ kind: "deb", name, version, arch: fields.get("Architecture") || null, source }];
  });
}

/** `Source: glibc (2.36-9)` has a version where it differs from the package's own. */
function toSource(field: string | undefined, name: string): string | null {
  const [, source, version] = /^(\S+)(?:\s+\((\S+)\))?$/.exec(field ?? "") ?? [];
  if (source === undefined || (source === name && version === undefined)) return null;
  return version === undefined ? source : `${source}@${version}`;
}
