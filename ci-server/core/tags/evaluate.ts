// Which tags rules give for a commit, exactly as docker/metadata-action does for the same event, ref and rules.

import { isTag } from "../image-ref.ts";
import { buildOfTag } from "../registry-stock.ts";
import type { Flavor } from "./flavor.ts";
import { readPep440 } from "./pep440.ts";
import { sanitizeTag, type TagRule, tagGrammar } from "./rule.ts";
import { readSemver } from "./semver.ts";
import { hasDate, isOnly, render, type Template, type TemplateValues } from "./template.ts";

/** What is built, as an event of a forge would tell it. A merge has a branch and a pull request. */
export interface TagEvent {
  readonly branch: string | null;
  readonly gitTag: string | null;
  readonly pullRequest: number | null;
  /** The branch that a pull request was for, or that a tag is on. */
  readonly baseRef: string | null;
  readonly isScheduled: boolean;
  readonly defaultBranch: string | null;
  /** Empty where nothing is known. */
  readonly sha: string;
  readonly now: Date;
  readonly committedAt: Date;
}

/** What may become of a tag that names something already: `fixed` stays, `forward` moves to later commits only, `free` moves. */
export type TagKind = "fixed" | "forward" | "free";

export interface GivenTag {
  readonly name: string;
  readonly kind: TagKind;
  /** Of the rule that gives it; latest by the flavor comes last. */
  readonly priority: number;
}

export interface Evaluation {
  /** The first one is the image's version. No name twice; each `isTag`. */
  readonly tags: readonly GivenTag[];
  /** The tag latest with the flavor's prefix and suffix, where it is one of them by the flavor. */
  readonly latest: string | null;
  /** What a rule would have given, and why it does not. */
  readonly notes: readonly string[];
}

/** What one rule gives, without prefix and suffix. */
interface Found {
  readonly text: string;
  readonly kind: TagKind;
  /** What the flavor's `latest=auto` makes of it. */
  readonly isLatest: boolean;
}

type Outcome = Found | { readonly note: string } | null;

export function evaluateTags(rules: readonly TagRule[], flavor: Flavor, event: TagEvent): Evaluation {
  const values = globalValues(event);
  const tags = new Map<string, GivenTag>();
  const notes: string[] = [];
  let isLatest: boolean | null = null;
  for (const rule of rules.toSorted((one, other) => other.priority - one.priority)) {
    if (render(rule.enable, values) !== "true") continue;
    const found = find(rule, event, values);
    if (found === null) continue;
    if ("note" in found) {
      notes.push(`${rule.text}: ${found.note}`);
      continue;
    }
    const { prefix, suffix } = { prefix: rule.prefix ?? flavor.prefix, suffix: rule.suffix ?? flavor.suffix };
    const name = sanitizeTag(render(prefix, values) + found.text + render(suffix, values));
    if (name === "") continue;
    isLatest ??= flavor.latest === "auto" ? found.isLatest : flavor.latest === "true";
    if (buildOfTag(name) !== null) notes.push(`${rule.text}: "${name}" is left out; tags that begin so are of builds`);
    else if (isTag(name)) add(tags, { name, kind: kindOfWhole(found, name), priority: rule.priority });
    else notes.push(`${rule.text}: "${name}" cannot be a tag and is left out; a tag has ${tagGrammar}`);
  }
  const latest = isLatest === true ? latestName(flavor, values) : null;
  if (latest !== null) add(tags, { name: latest, kind: "forward", priority: Number.NEGATIVE_INFINITY });
  return { tags: [...tags.values()], latest, notes };
}

/** Only prefix and suffix may make a version of what was none; a date that looks like one moves on. */
function kindOfWhole(found: { readonly text: string; readonly kind: TagKind }, name: string): TagKind {
  const isMade = name !== found.text && isFullVersion(name) && !isFullVersion(found.text);
  return isMade ? "fixed" : found.kind;
}

/** The stricter kind counts where two rules give the same tag. */
function add(tags: Map<string, GivenTag>, tag: GivenTag): void {
  const before = tags.get(tag.name);
  tags.set(tag.name, before === undefined ? tag : { ...before, kind: stricter(before.kind, tag.kind) });
}

function stricter(one: TagKind, other: TagKind): TagKind {
  return (["fixed", "forward"] as const).find((kind) => kind === one || kind === other) ?? "free";
}

function latestName(flavor: Flavor, values: TemplateValues): string | null {
  const prefix = flavor.prefixLatest ? render(flavor.prefix, values) : "";
  const suffix = flavor.suffixLatest ? render(flavor.suffix, values) : "";
  const name = sanitizeTag(`${prefix}latest${suffix}`);
  return isTag(name) ? name : null;
}

export function shortSha(sha: string): string {
  return sha.slice(0, 7);
}

/** Of all expressions but for those of a version. */
export function globalValues(event: TagEvent): TemplateValues {
  const { branch, gitTag, baseRef, sha, defaultBranch } = event;
  const isDefault = String(branch !== null && branch === defaultBranch);
  const isNotDefault = isDefault === "true" ? "false" : "true";
  return {
    names: {
      ...{ branch: branch ?? "", tag: gitTag ?? "", sha: shortSha(sha), base_ref: baseRef ?? "" },
      ...{ is_default_branch: isDefault, is_not_default_branch: isNotDefault },
    },
    dates: { date: event.now, commit_date: event.committedAt },
  };
}

function find(rule: TagRule, event: TagEvent, values: TemplateValues): Outcome {
  const { branch, sha } = event;
  const free = (text: string): Found => ({ text, kind: "free", isLatest: false });
  switch (rule.type) {
    case "schedule":
      return event.isScheduled ? free(render(rule.pattern, values)) : null;
    case "semver":
    case "pep440":
      return findVersion(rule, event, values);
    case "match":
      return findMatch(rule, event, values);
    case "edge":
      return branch !== null && branch === (rule.branch ?? event.defaultBranch)
        ? { ...free("edge"), kind: "forward" }
        : null;
    case "ref":
      return findRef(rule.event, event);
    case "raw": {
      const text = render(rule.value, values);
      return { ...free(text), kind: hasDate(rule.value) ? "free" : kindOf(text) };
    }
    case "sha":
      return sha === "" ? null : free(rule.format === "long" ? sha : shortSha(sha));
  }
}

/** A tag that somebody can rely on for ever: a whole version, and latest only ever forward. */
function kindOf(text: string): TagKind {
  if (isFullVersion(text)) return "fixed";
  return text === "latest" ? "forward" : "free";
}

/** `1.2.3`, with what may stand before and after it: v, a pre-release, a build. */
export function isFullVersion(text: string): boolean {
  return /^v?\d+\.\d+\.\d+(?:[-+._]?[A-Za-z0-9][A-Za-z0-9._+-]*)?$/.test(text);
}

function findRef(of: "branch" | "tag" | "pr", { branch, gitTag, pullRequest }: TagEvent): Outcome {
  if (of === "branch") return branch === null ? null : { text: branch, kind: "forward", isLatest: false };
  if (of === "tag") return gitTag === null ? null : { text: gitTag, kind: kindOf(gitTag), isLatest: true };
  return pullRequest === null ? null : { text: String(pullRequest), kind: "free", isLatest: false };
}

/** The value of the rule, else the git tag; null where there is neither. */
function subject(value: Template | null, { gitTag }: TagEvent, values: TemplateValues): string | null {
  return value === null ? gitTag : render(value, values);
}

function findVersion(
  rule: Extract<TagRule, { type: "semver" | "pep440" }>,
  event: TagEvent,
  values: TemplateValues,
): Outcome {
  const whole = subject(rule.value, event, values);
  if (whole === null) return null;
  const matched = rule.match?.match(whole);
  // Without a match it may still be a version as it is.
  const text = matched ? matched[1] : whole;
  if (text === undefined) return { note: `the group of match has nothing of "${whole}"` };
  const raw = text.replaceAll("/", "-");
  const version = rule.type === "semver" ? toSemver(raw) : toPep440(raw);
  if (version === null) return { note: `"${raw}" is no version by ${rule.type}` };
  if (!version.isRelease) {
    const given = isOnly(rule.pattern, "raw") ? raw : version.names.version;
    return { text: given, kind: "fixed", isLatest: false };
  }
  const given = render(rule.pattern, { ...values, names: { ...version.names, raw } });
  return { text: given, kind: isFullVersion(given) ? "fixed" : "forward", isLatest: true };
}

interface VersionNames {
  readonly isRelease: boolean;
  readonly names: { readonly version: string; readonly major: string; readonly minor: string; readonly patch: string };
}

function toSemver(text: string): VersionNames | null {
  const found = readSemver(text);
  if (found === null) return null;
  const { version, major, minor, patch, prerelease } = found;
  return { isRelease: prerelease === null, names: { version, major, minor, patch } };
}

function toPep440(text: string): VersionNames | null {
  const found = readPep440(text);
  if (found === null) return null;
  const { version, major, minor, patch, isRelease } = found;
  return { isRelease, names: { version, major, minor, patch } };
}

function findMatch(
  { value, pattern, group }: Extract<TagRule, { type: "match" }>,
  event: TagEvent,
  values: TemplateValues,
): Outcome {
  const text = subject(value, event, values);
  if (text === null) return null;
  const found = pattern.match(text);
  if (found === null) return { note: `the pattern does not match "${text}"` };
  const part = found[group];
  if (part === undefined) return { note: `there is no group ${group} of "${text}"` };
  return { text: part, kind: kindOf(part), isLatest: true };
}
