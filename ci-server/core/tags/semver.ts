// Versions by semver.org: 1.2.3, v2.0.8-beta.67, 1.0.0+build.5.

export interface Semver {
  readonly major: string;
  readonly minor: string;
  readonly patch: string;
  /** Null for a release. */
  readonly prerelease: string | null;
  /** Without the v and without what follows a +. */
  readonly version: string;
}

const charsMax = 256;

/** Null when it is none. A v may stand before it. Source: semver.org, 2 and 9 to 11. */
export function readSemver(text: string): Semver | null {
  if (text.length > charsMax) return null;
  const bare = text.trim().replace(/^v/, "");
  const plus = bare.indexOf("+");
  const [named, build] = plus < 0 ? [bare, null] : [bare.slice(0, plus), bare.slice(plus + 1)];
  const minus = named.indexOf("-");
  const [core, prerelease] = minus < 0 ? [named, null] : [named.slice(0, minus), named.slice(minus + 1)];
  const numbers = core.split(".");
  const [major = "", minor = "", patch = ""] = numbers;
  const isWhole =
    numbers.length === 3 &&
    numbers.every((number) => isNumber(number) && Number(number) <= Number.MAX_SAFE_INTEGER) &&
    (build === null || build.split(".").every((part) => /^[0-9A-Za-z-]+$/.test(part))) &&
    (prerelease === null || prerelease.split(".").every((part) => isNumber(part) || isWord(part)));
  if (!isWhole) return null;
  const version = prerelease === null ? core : `${core}-${prerelease}`;
  return { major, minor, patch, prerelease, version };
}

function isNumber(text: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(text);
}

/** Letters and digits, of which not all are digits. */
function isWord(text: string): boolean {
  return /^[0-9A-Za-z-]+$/.test(text) && /\D/.test(text);
}
