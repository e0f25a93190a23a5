// Templates of tag rules and labels: text with expressions such as {{branch}} and {{date 'YYYYMMDD' tz='Asia/Tokyo'}}.
// They are the expressions that docker/metadata-action documents; blocks, paths and other helpers of Handlebars are mistakes.

import { AppError, toAppError } from "../errors.ts";
import { dateFormatMistake, formatDate, isoFormat } from "./date-format.ts";

export const globalNames = [
  "branch",
  "tag",
  "sha",
  "base_ref",
  "is_default_branch",
  "is_not_default_branch",
  "date",
  "commit_date",
] as const;
export const versionNames = ["raw", "version", "major", "minor", "patch"] as const;
export const dateNames = ["date", "commit_date"] as const;

type DateName = (typeof dateNames)[number];

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "date"; readonly name: DateName; readonly format: string; readonly timeZone: string };

export type Template = readonly Part[];

export interface TemplateValues {
  /** By name; a name that is not there gives nothing. */
  readonly names: Readonly<Record<string, string>>;
  readonly dates: Readonly<Record<DateName, Date>>;
}

/** `names`: the expressions that may stand there. Throws `invalid`, with what is allowed. Linear in the text's length. */
export function readTemplate(text: string, names: readonly string[]): Template {
  const parts: Part[] = [];
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf("{{", at);
    if (open !== at) parts.push({ kind: "text", text: text.slice(at, open < 0 ? text.length : open) });
    if (open < 0) break;
    const { part, end } = readExpression(text, open, names);
    parts.push(part);
    at = end;
  }
  return parts;
}

/** What is wrong with a text that may have expressions of any commit in it, and what is allowed; or null. */
export function templateMistake(text: string): string | null {
  try {
    readTemplate(text, globalNames);
    return null;
  } catch (error) {
    return toAppError(error).message;
  }
}

/** Whether the template is this one expression and nothing else. */
export function isOnly(template: Template, name: string): boolean {
  const [part] = template;
  return template.length === 1 && part?.kind === "name" && part.name === name;
}

export function hasDate(template: Template): boolean {
  return template.some(({ kind }) => kind === "date");
}

/** Its text, where it is nothing but text; else null. */
export function plainText(template: Template): string | null {
  const texts = template.map((part) => (part.kind === "text" ? part.text : null));
  return texts.includes(null) ? null : texts.join("");
}

export function render(template: Template, { names, dates }: TemplateValues): string {
  return template
    .map((part) => {
      if (part.kind === "text") return part.text;
      if (part.kind === "name") return escaped(names[part.name] ?? "");
      return escaped(formatDate(dates[part.name], part.format, part.timeZone));
    })
    .join("");
}

const entities: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" },
  ...{ "'": "&#x27;", "`": "&#x60;", "=": "&#x3D;" },
};

/** Handlebars writes values for HTML: of a branch "a=b" docker/metadata-action makes the tag a-x3D-b, and so do we. */
function escaped(text: string): string {
  return text.replace(/[&<>"'`=]/g, (sign) => entities[sign] ?? sign);
}

/** The name, a format in quotes or as a bare word, `tz=` with a time zone in quotes, the end. */
const grammar =
  /\{\{\s*([A-Za-z_]+)(?:\s+(?:'([^']*)'|"([^"]*)"|([A-Za-z_][\w:-]*)(?=[\s}])))?(?:\s+([A-Za-z_]+)=(?:'([^']*)'|"([^"]*)"))?\s*\}\}(?!\})/y;

function readExpression(text: string, open: number, names: readonly string[]): { part: Part; end: number } {
  grammar.lastIndex = open;
  const found = grammar.exec(text);
  const [whole = "", name = "", single, double, bare, key, zone, zoneToo] = found ?? [];
  if (found === null || !names.includes(name)) {
    const close = text.indexOf("}}", open);
    const shown = text.slice(open, close < 0 ? open + 40 : close + 2);
    throw new AppError(
      "invalid",
      `"${shown}" is not known; there are: ${names.map((each) => `{{${each}}}`).join(", ")}`,
    );
  }
  const end = open + whole.length;
  const format = single ?? double;
  if (!isDateName(name)) {
    if (format !== undefined || bare !== undefined || key !== undefined)
      throw new AppError("invalid", `{{${name}}} stands alone, without a format`);
    return { part: { kind: "name", name }, end };
  }
  if (format === undefined && bare === undefined)
    throw new AppError("invalid", `{{${name}}} needs a format: {{${name} 'YYYYMMDD'}}`);
  if (key !== undefined && key !== "tz")
    throw new AppError("invalid", `{{${name}}} has no "${key}"; after the format may stand tz='Asia/Tokyo'`);
  return { part: toDate(name, format ?? null, zone ?? zoneToo ?? "UTC"), end };
}

/** A format without quotes names nothing, so that the date is written as ISO 8601 says. */
function toDate(name: DateName, given: string | null, timeZone: string): Part {
  const format = given ?? isoFormat(timeZone);
  const mistake = dateFormatMistake(format, timeZone);
  if (mistake !== null) throw new AppError("invalid", `{{${name}}}: ${mistake}`);
  return { kind: "date", name, format, timeZone };
}

function isDateName(name: string): name is DateName {
  return (dateNames as readonly string[]).includes(name);
}
