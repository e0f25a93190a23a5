// Parts a rule into its fields: values with commas between them, and quotes around one that has a comma of its own.
// Source: RFC 4180, section 2, as docker/metadata-action reads it.

import { AppError } from "../errors.ts";

/** A field without `=` has no name. Names are lower case; blanks around both are gone. */
export interface Field {
  readonly name: string | null;
  readonly value: string;
}

/** Throws `invalid`. */
export function readFields(line: string): Field[] {
  return splitLine(line)
    .filter((text) => text.trim() !== "")
    .map(toField);
}

/** The name ends with the first `=`; the value may have more of them. */
function toField(text: string): Field {
  const end = text.indexOf("=", 1);
  if (end < 0) return { name: null, value: text.trim() };
  return { name: text.slice(0, end).trim().toLowerCase(), value: text.slice(end + 1).trim() };
}

function splitLine(line: string): string[] {
  const fields: string[] = [];
  for (let at = 0; at <= line.length; ) {
    const { text, end } = line[at] === '"' ? quoted(line, at) : plain(line, at);
    fields.push(text);
    at = end + 1;
  }
  return fields;
}

interface Part {
  readonly text: string;
  /** Where the comma after it stands, or the line's length. */
  readonly end: number;
}

function plain(line: string, from: number): Part {
  const comma = line.indexOf(",", from);
  const end = comma < 0 ? line.length : comma;
  const text = line.slice(from, end);
  if (text.includes('"'))
    throw new AppError("invalid", `a quote has to stand before the whole field: "${text.replaceAll('"', "")}"`);
  return { text, end };
}

/** Two quotes within a quoted field are one. */
function quoted(line: string, from: number): Part {
  let text = "";
  for (let at = from + 1; ; ) {
    const quote = line.indexOf('"', at);
    if (quote < 0) throw new AppError("invalid", "a quote is opened and not closed");
    text += line.slice(at, quote);
    const next = line[quote + 1];
    if (next === undefined || next === ",") return { text, end: quote + 1 };
    if (next !== '"') throw new AppError("invalid", "a comma has to follow the closing quote");
    text += '"';
    at = quote + 2;
  }
}
