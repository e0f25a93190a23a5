// Puts the layers of an image upon one another. Source: OCI image specification 1.1, "Image Layer Filesystem Changeset".

import type { ImageContent, LayerContent } from "./package.ts";

/** The lowest layer first. A later file of the same path takes the earlier one's place; what a layer removes is of those below it. */
export function mergeLayers(layers: readonly LayerContent[]): ImageContent {
  const files = new Map<string, LayerContent["files"][number]>();
  for (const layer of layers) {
    const [removed, emptied] = [new Set(layer.removed), new Set(layer.emptied)];
    for (const path of files.keys()) if (isHidden(path, removed, emptied)) files.delete(path);
    for (const file of layer.files) files.set(file.path, file);
  }
  const packages = [...files.values()].flatMap(({ path, packages: found }) => found.map((one) => ({ ...one, path })));
  const system = files.get("etc/os-release")?.system ?? files.get("usr/lib/os-release")?.system ?? null;
  return { packages, system, problems: layers.flatMap(({ problems }) => problems) };
}

/** The file itself or a folder that it lies in was removed, or such a folder was emptied. */
function isHidden(path: string, removed: ReadonlySet<string>, emptied: ReadonlySet<string>): boolean {
  if (removed.has(path) || emptied.has("")) return true;
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    const folder = path.slice(0, slash);
    if (removed.has(folder) || emptied.has(folder)) return true;
  }
  return false;
}
