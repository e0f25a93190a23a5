// Variables in the words of a Dockerfile, as BuildKit puts in their values.
// Source: docs.docker.com/reference/dockerfile, "Environment replacement"; github.com/moby/buildkit, frontend/dockerfile/shell/lex.go.

import { AppError } from "./errors.ts";

/** Stands in a result for a value that the Dockerfile does not tell. No word of a Dockerfile holds it. */
export const unknown = "\0";

/** Values may name one another: without a limit a few lines could grow to any size. */
const charsMax = 16_384;
const depthMax = 20;

export interface Expansion {
  /** The character that takes away the meaning of the next one. */
  readonly escapeChar: string;
  /** The value; undefined where the variable has none, `unknown` where that cannot be told. */
  readonly lookup: (name: string) => string | undefined;
}

/** The word with all values put in and its quotes taken away. Throws `invalid` when that is too long or nested too deep. */
export function expand(word: string, expansion: Expansion): string {
  return read({ text: word, at: 0, depth: 0 }, expansion, "");
}

/** Words between blanks; quotes and escaped blanks hold a word together. They stay as they are, for `expand`. */
export function splitWords(text: string, escapeChar: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote === "" && /\s/.test(char)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += char;
    if (char === escapeChar && quote !== "'" && at + 1 < text.length) word += text.charAt(++at);
    else if (quote === "" ? char === '"' || char === "'" : char === quote) quote = quote === "" ? char : "";
  }
  return word === "" ? words : [...words, word];
}

interface Cursor {
  readonly text: string;
  at: number;
  depth: number;
}

/** Reads up to a character outside of quotes, or to the end where it is "". */
function read(cursor: Cursor, expansion: Expansion, until: string): string {
  const { text } = cursor;
  let result = "";
  while (cursor.at < text.length) {
    const char = text.charAt(cursor.at);
    if (until !== "" && char === until) break;
    cursor.at += 1;
    if (char === "'") result += readSingle(cursor);
    else if (char === '"') result += readDouble(cursor, expansion);
    else if (char === "$") result += readVariable(cursor, expansion);
    else if (char === expansion.escapeChar) result += text.charAt(cursor.at++);
    else result += char;
    checkLength(result);
  }
  return result;
}

function checkLength(result: string): void {
  if (result.length > charsMax)
    throw new AppError("invalid", `a word of the Dockerfile has more than ${charsMax} characters with its variables`);
}

function readSingle(cursor: Cursor): string {
  const end = cursor.text.indexOf("'", cursor.at);
  const result = cursor.text.slice(cursor.at, end < 0 ? undefined : end);
  cursor.at = end < 0 ? cursor.text.length : end + 1;
  return result;
}

function readDouble(cursor: Cursor, expansion: Expansion): string {
  const { text } = cursor;
  let result = "";
  while (cursor.at < text.length) {
    const char = text.charAt(cursor.at++);
    if (char === '"') break;
    const next = text.charAt(cursor.at);
    if (char === "$") result += readVariable(cursor, expansion);
    else if (char === expansion.escapeChar && ['"', "$", expansion.escapeChar].includes(next)) {
      result += next;
      cursor.at += 1;
    } else result += char;
    checkLength(result);
  }
  return result;
}

/** After the `$`. */
function readVariable(cursor: Cursor, expansion: Expansion): string {
  const rest = cursor.text.slice(cursor.at);
  const name = /^\{?([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/.exec(rest)?.[1];
  if (name === undefined) return rest.startsWith("{") ? swallow(cursor, expansion) : "$";
  const isBraced = rest.startsWith("{");
  cursor.at += name.length + (isBraced ? 1 : 0);
  const value = expansion.lookup(name);
  return isBraced ? readModifier(cursor, expansion, value) : (value ?? "");
}

/** From behind the name to the closing brace. */
function readModifier(cursor: Cursor, expansion: Expansion, value: string | undefined): string {
  const modifier = /^:?[-+?]/.exec(cursor.text.slice(cursor.at))?.[0] ?? "";
  if (modifier === "" && cursor.text.charAt(cursor.at) !== "}") return swallow(cursor, expansion);
  cursor.at += modifier.length;
  const word = readBraced(cursor, expansion);
  if (value === unknown) return unknown;
  const isSet = value !== undefined && (value !== "" || !modifier.startsWith(":"));
  if (modifier.endsWith("-")) return isSet ? value : word;
  if (modifier.endsWith("+")) return isSet ? word : "";
  return value ?? "";
}

/** Patterns and whatever else a later BuildKit understands. */
function swallow(cursor: Cursor, expansion: Expansion): string {
  readBraced(cursor, expansion);
  return unknown;
}

/** Up to the closing brace and past it. */
function readBraced(cursor: Cursor, expansion: Expansion): string {
  cursor.depth += 1;
  if (cursor.depth > depthMax) throw new AppError("invalid", `the Dockerfile nests more than ${depthMax} variables`);
  const word = read(cursor, expansion, "}");
  cursor.at += 1;
  cursor.depth -= 1;
  return word;
}
