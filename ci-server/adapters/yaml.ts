// Reads YAML 1.2 by the library `yaml`, within bounds: the text may have been written to keep the server busy.

import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { ParsedYaml, Place } from "../core/ports.ts";

const aliasCountMax = 50;
const mistakesMax = 100;

type Mistake = ParsedYaml["mistakes"][number];

/** Pretty errors and the library's own look for names that stand there twice take seconds for 64 KiB. */
const options = { prettyErrors: false, uniqueKeys: false, logLevel: "error" } as const;

export function parseYaml(bytes: Uint8Array): ParsedYaml {
  const start: Place = { line: 1, column: 1 };
  const text = decode(bytes);
  if (text === null)
    return { value: null, mistakes: [{ ...start, message: "has to be text in UTF-8" }], placeOf: () => start };
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = withoutStacks(() => parseDocument(text, { ...options, lineCounter: lines }));
  const errors = document.errors
    .slice(0, mistakesMax)
    .map(({ pos, message }) => ({ ...placeAt(pos[0]), message: toSentence(message) }));
  const mistakes = errors.length > 0 ? errors : findTwice(document, placeAt);
  const [value, problem] = mistakes.length > 0 ? [null, null] : toValue(document);
  return {
    value,
    mistakes: [...mistakes.slice(0, mistakesMax), ...(problem === null ? [] : [{ ...start, message: problem }])],
    placeOf: (path) => placeAt(offsetOf(document, path)),
  };
}

/** A text may be nothing but mistakes, and to note where in this program each was found takes most of the time. */
function withoutStacks<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function toSentence(message: string): string {
  return message.startsWith("Maximum call stack") ? "is nested too deeply" : message;
}

function toValue(document: Document.Parsed): [value: unknown, problem: string | null] {
  try {
    visit(document, {
      Scalar(_key, node) {
        if (typeof node.value === "number" && node.source !== undefined) node.value = node.source;
      },
    });
    return [document.toJS({ maxAliasCount: aliasCountMax }), null];
  } catch (cause) {
    // Of aliases the library throws a ReferenceError; of anything too deep it is the stack that ends.
    const isAliases = cause instanceof ReferenceError;
    return [null, isAliases ? `has aliases (*) that would make it too large` : "is nested too deeply"];
  }
}

function findTwice(document: Document.Parsed, placeAt: (offset: number) => Place): Mistake[] {
  const mistakes: Mistake[] = [];
  try {
    visit(document, {
      Map(_key, map) {
        const seen = new Set<string>();
        for (const { key } of map.items) {
          const name = isScalar(key) ? String(key.value) : null;
          if (name === null) continue;
          if (seen.has(name)) mistakes.push({ ...placeAt(startOf(key)), message: `"${name}" stands here twice` });
          seen.add(name);
        }
      },
    });
  } catch {
    return [{ line: 1, column: 1, message: "is nested too deeply" }];
  }
  return mistakes;
}

/** Where the path's last name or entry begins; walks down as far as the path goes. */
export function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) return offset;
      offset = startOf(pair.key);
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(step)];
      if (item === undefined) return offset;
      offset = startOf(item);
      node = item;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
