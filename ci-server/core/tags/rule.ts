// One line of a service's `tags`, as docker/metadata-action's: `type=semver,pattern={{version}}`, `type=sha`, or a tag as it is.

import { AppError, toAppError } from "../errors.ts";
import { type Field, readFields } from "./fields.ts";
import { type Pattern, readPattern } from "./pattern.ts";
import { dateNames, globalNames, isOnly, plainText, readTemplate, type Template, versionNames } from "./template.ts";

export const ruleTypes = ["schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha"] as const;
export type RuleType = (typeof ruleTypes)[number];

export const refEvents = ["branch", "tag", "pr"] as const;
export const shaFormats = ["short", "long"] as const;

interface RuleOf<T extends RuleType> {
  readonly type: T;
  /** As it was written. */
  readonly text: string;
  /** The rule with the highest one gives the image's version. */
  readonly priority: number;
  readonly enable: Template;
  /** Null: the flavor's. */
  readonly prefix: Template | null;
  readonly suffix: Template | null;
}

interface VersionRule<T extends "semver" | "pep440"> extends RuleOf<T> {
  readonly pattern: Template;
  /** Instead of the git tag. */
  readonly value: Template | null;
  /** Its first group is the version. */
  readonly match: Pattern | null;
}

export type TagRule =
  | (RuleOf<"schedule"> & { readonly pattern: Template })
  | VersionRule<"semver">
  | VersionRule<"pep440">
  | (RuleOf<"match"> & { readonly pattern: Pattern; readonly group: number; readonly value: Template | null })
  /** `branch`: null is the default branch. */
  | (RuleOf<"edge"> & { readonly branch: string | null })
  | (RuleOf<"ref"> & { readonly event: (typeof refEvents)[number] })
  | (RuleOf<"raw"> & { readonly value: Template })
  | (RuleOf<"sha"> & { readonly format: (typeof shaFormats)[number] });

const charsMax = 500;
const everywhere = ["type", "enable", "priority", "prefix", "suffix"];
/** What else a rule of the type may say, and its priority where it does not say one. */
const types: Readonly<Record<RuleType, { readonly attributes: readonly string[]; readonly priority: number }>> = {
  schedule: { attributes: ["pattern"], priority: 1000 },
  semver: { attributes: ["pattern", "value", "match"], priority: 900 },
  pep440: { attributes: ["pattern", "value", "match"], priority: 900 },
  match: { attributes: ["pattern", "group", "value"], priority: 800 },
  edge: { attributes: ["branch"], priority: 700 },
  ref: { attributes: ["event"], priority: 600 },
  raw: { attributes: ["value"], priority: 200 },
  sha: { attributes: ["format"], priority: 100 },
};

/** What is wrong with the rule and what is allowed, or null. */
export function tagRuleMistake(text: string): string | null {
  try {
    readRule(text);
    return null;
  } catch (error) {
    return toAppError(error).message;
  }
}

/** Throws `invalid`, naming the rule and what is allowed. */
export function readRule(text: string): TagRule {
  try {
    if (text.length > charsMax) throw new AppError("invalid", `it has more than ${charsMax} characters`);
    return toRule(text, readFields(text));
  } catch (cause) {
    const shown = text.length > 200 ? `${text.slice(0, 200)}...` : text;
    throw new AppError("invalid", `the tag rule "${shown}": ${toAppError(cause).message}`, { cause });
  }
}

type Attributes = Readonly<Record<string, string>>;

/** The last one counts of those that stand there twice. */
function toRule(text: string, fields: readonly Field[]): TagRule {
  const all = Object.fromEntries(fields.map(({ name, value }) => [name ?? "value", value]));
  const type = oneOf(ruleTypes, "type", all.type ?? "raw");
  const allowed = [...everywhere, ...types[type].attributes];
  const strange = Object.keys(all).find((name) => !allowed.includes(name));
  if (strange !== undefined)
    throw new AppError("invalid", `type=${type} has no "${strange}"; it has: ${allowed.join(", ")}`);
  return toRuleOf(type, { text, ...common(type, all) }, all);
}

function common(type: RuleType, all: Attributes): Omit<RuleOf<RuleType>, "type" | "text"> {
  const usualPrefix = type === "sha" ? "sha-" : type === "ref" && all.event === "pr" ? "pr-" : undefined;
  const prefix = all.prefix ?? usualPrefix;
  const priority = all.priority ?? String(types[type].priority);
  if (!/^-?\d{1,9}$/.test(priority)) throw new AppError("invalid", `priority has to be a number, not "${priority}"`);
  return {
    priority: Number(priority),
    enable: readEnable(all.enable ?? "true"),
    prefix: prefix === undefined ? null : readTemplate(prefix, globalNames),
    suffix: all.suffix === undefined ? null : readTemplate(all.suffix, globalNames),
  };
}

/** Anything else would be neither true nor false in the end. */
function readEnable(text: string): Template {
  const template = readTemplate(text, globalNames);
  const isExpression = ["is_default_branch", "is_not_default_branch"].some((name) => isOnly(template, name));
  if (isExpression || ["true", "false"].includes(plainText(template) ?? "")) return template;
  throw new AppError(
    "invalid",
    `enable has to be true, false, {{is_default_branch}} or {{is_not_default_branch}}, not "${text}"`,
  );
}

function toRuleOf(type: RuleType, rest: Omit<RuleOf<RuleType>, "type">, all: Attributes): TagRule {
  const value = all.value ? readTemplate(all.value, globalNames) : null;
  switch (type) {
    case "schedule":
      return { ...rest, type, pattern: readTemplate(all.pattern ?? "nightly", dateNames) };
    case "semver":
    case "pep440":
      return {
        ...rest,
        type,
        value,
        match: readMatch(all.match),
        pattern: readTemplate(needed(all, "pattern"), versionNames),
      };
    case "match":
      return { ...rest, type, value, pattern: readSlashed(needed(all, "pattern")), group: readGroup(all.group ?? "0") };
    case "edge":
      return { ...rest, type, branch: all.branch || null };
    case "ref":
      return { ...rest, type, event: oneOf(refEvents, "event", needed(all, "event")) };
    case "raw":
      return { ...rest, type, value: readTemplate(needed(all, "value"), globalNames) };
    case "sha":
      return { ...rest, type, format: oneOf(shaFormats, "format", all.format ?? "short") };
  }
}

function needed(all: Attributes, name: string): string {
  const value = all[name];
  if (value === undefined) throw new AppError("invalid", `${name} is missing, such as ${name}=${examples[name] ?? ""}`);
  return value;
}

const examples: Readonly<Record<string, string>> = { pattern: "{{version}}", event: "branch", value: "latest" };

function oneOf<T extends string>(allowed: readonly T[], name: string, value: string): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined)
    throw new AppError("invalid", `${name} has to be one of ${allowed.join(", ")}, not "${value}"`);
  return found;
}

function readMatch(source: string | undefined): Pattern | null {
  if (source === undefined || source === "") return null;
  const pattern = readPattern(source);
  if (pattern.groups === 0)
    throw new AppError("invalid", "match needs a group in parentheses, which is the version: match=v(.*)");
  return pattern;
}

/** With or without slashes around it, after which flags may stand. */
function readSlashed(source: string): Pattern {
  const found = /^\/(.+)\/(.*)$/.exec(source);
  return found === null ? readPattern(source) : readPattern(found[1] ?? "", found[2]);
}

function readGroup(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new AppError("invalid", `group has to be the number of a group, not "${text}"`);
  return Number(text);
}

export const tagGrammar = "at most 128 letters, digits, _ . - and not beginning with . or -";

/** What a tag cannot hold becomes a single -. */
export function sanitizeTag(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, "-");
}
