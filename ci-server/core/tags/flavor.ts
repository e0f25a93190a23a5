// What holds for all tag rules of a service, as docker/metadata-action's `flavor`: `latest=false`, `suffix=-alpine,onlatest=true`.

import { AppError, toAppError } from "../errors.ts";
import { readFields } from "./fields.ts";
import { globalNames, readTemplate, type Template } from "./template.ts";

const latestModes = ["auto", "true", "false"] as const;

export interface Flavor {
  /** `auto`: where the first rule that gives a tag is of a version, a match, or a git tag. */
  readonly latest: (typeof latestModes)[number];
  readonly prefix: Template;
  readonly suffix: Template;
  /** Whether the tag latest has them too. */
  readonly prefixLatest: boolean;
  readonly suffixLatest: boolean;
}

export const plainFlavor: Flavor = { latest: "auto", prefix: [], suffix: [], prefixLatest: false, suffixLatest: false };

/** What is wrong with one line and what is allowed, or null. */
export function flavorMistake(line: string): string | null {
  try {
    readFlavor([line]);
    return null;
  } catch (error) {
    return toAppError(error).message;
  }
}

/** Throws `invalid`, naming the line and what is allowed. */
export function readFlavor(lines: readonly string[]): Flavor {
  return lines.reduce(readLine, plainFlavor);
}

/** `onlatest` is of the prefix or the suffix before it on its line. */
function readLine(flavor: Flavor, line: string): Flavor {
  try {
    let [read, last] = [flavor, ""];
    for (const { name, value } of readFields(line)) {
      read = { ...read, ...toFlavor(name, value, last) };
      if (name !== "onlatest") last = name ?? "";
    }
    return read;
  } catch (cause) {
    throw new AppError("invalid", `the flavor "${line}": ${toAppError(cause).message}`, { cause });
  }
}

function toFlavor(name: string | null, value: string, last: string): Partial<Flavor> {
  if (name === "prefix") return { prefix: readTemplate(value, globalNames) };
  if (name === "suffix") return { suffix: readTemplate(value, globalNames) };
  if (name === "latest") {
    const mode = latestModes.find((one) => one === value);
    if (mode !== undefined) return { latest: mode };
    throw new AppError("invalid", `latest has to be one of ${latestModes.join(", ")}, not "${value}"`);
  }
  if (name === "onlatest" && /^(?:prefix|suffix)$/.test(last) && /^(?:true|false)$/.test(value))
    return last === "prefix" ? { prefixLatest: value === "true" } : { suffixLatest: value === "true" };
  throw new AppError("invalid", "it may say latest=, and prefix= or suffix= with onlatest=true or false behind it");
}
