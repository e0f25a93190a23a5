// Which system an image is made of. Source: os-release(5).

import type { System } from "./package.ts";

/** Null when it has no ID, as os-release(5) allows. */
export function parseOsRelease(text: string): System | null {
  const read = (name: string) => {
    const value = new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
    return value.replace(/^(["'])(.*)\1$/, "$2");
  };
  const id = read("ID").toLowerCase();
  return id === "" ? null : { id, versionId: read("VERSION_ID") || null };
}
