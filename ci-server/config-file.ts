// Reads mergedock.yml, or the file that the environment names instead, as it was written.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { offsetOf } from "./adapters/yaml.ts";
import type { SecretSource } from "./config-secrets.ts";

export interface LoadedFile {
  readonly content: Record<string, unknown>;
  readonly folder: string;
  /** `mergedock.yml:12:5`, where the path's last name stands, or what it is missing in; null of what the file does not hold. */
  placeOf(path: readonly PropertyKey[]): string | null;
}

const nowhere = () => null;

/** Empty where there is none. What is wrong with it is added to `mistakes`. */
export function readConfigFile({ env, folder }: SecretSource, mistakes: string[]): LoadedFile {
  const named = env.MERGEDOCK_CONFIG;
  const file = path.resolve(folder, named ?? "mergedock.yml");
  if (!existsSync(file)) {
    if (named !== undefined) mistakes.push(`MERGEDOCK_CONFIG: there is no file ${file}`);
    return { content: {}, folder, placeOf: nowhere };
  }
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, "utf8"), { lineCounter: lines });
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    mistakes.push(`${file}:${line}:${col}: ${error.message.split("\n")[0]}`);
  }
  const placeOf = (at: readonly PropertyKey[]) => {
    const { line, col } = lines.linePos(offsetOf(document, at));
    return document.contents === null ? null : `${path.basename(file)}:${line}:${col}`;
  };
  const content: unknown = document.errors.length > 0 ? {} : (document.toJS() ?? {});
  if (typeof content === "object" && !Array.isArray(content))
    return { content: content as LoadedFile["content"], folder: path.dirname(file), placeOf };
  mistakes.push(`${file}: has to be a list of names and values, such as "repositories:"`);
  return { content: {}, folder: path.dirname(file), placeOf: nowhere };
}
