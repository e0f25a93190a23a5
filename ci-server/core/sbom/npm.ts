// An installed npm package: node_modules/<name>/package.json. A lock file is not asked: it says what was meant to be there.

import { AppError } from "../errors.ts";
import type { Package } from "./package.ts";

/** None of a file without a name or a version, which some packages have to mark a folder. Throws `invalid` when it is not JSON. */
export function parsePackageJson(text: string): Package[] {
  const { name, version } = parse(text);
  if (typeof name !== "string" || typeof version !== "string" || name === "" || version === "") return [];
  return [{ kind: "npm", name, version, arch: null, source: null }];
}

function parse(text: string): { readonly name?: unknown; readonly version?: unknown } {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    return typeof value === "object" && value !== null ? value : {};
  } catch (cause) {
    throw new AppError("invalid", "it is not JSON", { cause });
  }
}
