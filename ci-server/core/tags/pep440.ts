// Versions as Python's packages have them: 1.2.3, 1.2.3rc2, 1.0.dev4. Source: PEP 440, appendix B and "Normalization".

export interface Pep440 {
  readonly major: string;
  readonly minor: string;
  readonly patch: string;
  /** Neither a pre-, post- nor development release. */
  readonly isRelease: boolean;
  /** Normalised: of v1.2.3beta2 it is 1.2.3b2. */
  readonly version: string;
}

const charsMax = 256;
const grammar = new RegExp(
  [
    "^v?(?:(?<epoch>\\d+)!)?(?<release>\\d+(?:\\.\\d+)*)",
    "(?:[-_.]?(?<pre>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?<preNumber>\\d+)?)?",
    "(?:-(?<implicitPost>\\d+)|[-_.]?(?<post>post|rev|r)[-_.]?(?<postNumber>\\d+)?)?",
    "(?:[-_.]?(?<dev>dev)[-_.]?(?<devNumber>\\d+)?)?",
    "(?:\\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$",
  ].join(""),
  "i",
);
const preNames: Readonly<Record<string, string>> = { alpha: "a", beta: "b", c: "rc", pre: "rc", preview: "rc" };

/** Null when it is none. */
export function readPep440(text: string): Pep440 | null {
  const found = text.length > charsMax ? null : grammar.exec(text);
  if (found?.groups === undefined) return null;
  const {
    epoch = "0",
    release = "",
    pre,
    preNumber,
    implicitPost,
    post,
    postNumber,
    dev,
    devNumber,
    local,
  } = found.groups;
  const numbers = release.split(".").map(plainNumber);
  const isPost = post !== undefined || implicitPost !== undefined;
  const parts = [
    Number(epoch) === 0 ? "" : `${plainNumber(epoch)}!`,
    numbers.join("."),
    pre === undefined ? "" : preName(pre) + plainNumber(preNumber),
    isPost ? `.post${plainNumber(implicitPost ?? postNumber)}` : "",
    dev === undefined ? "" : `.dev${plainNumber(devNumber)}`,
    // docker/metadata-action puts commas between the parts of a local version; both become a - in a tag.
    local === undefined ? "" : `+${local.split(/[._-]/).map(localPart).join(",")}`,
  ];
  const [major = "0", minor = "0", patch = "0"] = numbers;
  const isRelease = pre === undefined && dev === undefined && !isPost;
  return { major, minor, patch, isRelease, version: parts.join("") };
}

/** Without zeros before it. */
function plainNumber(digits = "0"): string {
  return String(Number(digits));
}

function preName(name: string): string {
  const lower = name.toLowerCase();
  return preNames[lower] ?? lower;
}

function localPart(part: string): string {
  return Number.isNaN(Number(part)) ? part.toLowerCase() : plainNumber(part);
}
