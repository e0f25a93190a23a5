// Patterns of names with segments: `*` stands for anything within one segment, `?` for one character of it, `**` for
// anything, and `**/` for any number of whole segments, none included. All other characters stand for themselves.

type Token =
  | { readonly kind: "one" | "star" | "globstar" | "segments" }
  | { readonly kind: "is"; readonly char: string };

/** Says of a file whether the last pattern that fits it has no `!` before it. Where all patterns have one: all files but those. */
export function fileMatcher(patterns: readonly string[]): (file: string) => boolean {
  const read = patterns.map((pattern) => ({
    isNegation: isNegation(pattern),
    tokens: toTokens(withoutNegation(pattern)),
  }));
  const otherwise = patterns.every(isNegation);
  return (file) => {
    const decisive = read.findLast(({ tokens }) => fits(tokens, file));
    return decisive === undefined ? otherwise : !decisive.isNegation;
  };
}

export function matchesPattern(pattern: string, text: string): boolean {
  return fits(toTokens(pattern), text);
}

/** Whether it can stand for more than one name. */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/**
 * Walks through the text once with the set of all places in the pattern that it may have come to: at most
 * (length of text) x (length of pattern) steps, whatever the two are, and nothing to go back to.
 */
function fits(tokens: readonly Token[], text: string): boolean {
  let places = new Set<number>();
  enter(tokens, places, 0);
  for (const char of text) {
    const next = new Set<number>();
    for (const place of places) step(tokens, { place, char, next });
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(tokens.length);
}

function isNegation(pattern: string): boolean {
  return pattern.startsWith("!");
}

function withoutNegation(pattern: string): string {
  return isNegation(pattern) ? pattern.slice(1) : pattern;
}

function toTokens(pattern: string): Token[] {
  const parts = pattern.match(/(?<=^|\/)\*\*\/|\*{2,}|./gsu) ?? [];
  return parts.map((part) => {
    if (part === "**/") return { kind: "segments" };
    if (part.startsWith("**")) return { kind: "globstar" };
    if (part === "*") return { kind: "star" };
    return part === "?" ? { kind: "one" } : { kind: "is", char: part };
  });
}

/** Comes to a place, and past it where what stands there may stand for nothing. */
function enter(tokens: readonly Token[], places: Set<number>, place: number): void {
  let at = place;
  places.add(at);
  while (tokens[at] !== undefined && tokens[at]?.kind !== "is" && tokens[at]?.kind !== "one") {
    at += 1;
    places.add(at);
  }
}

interface Step {
  readonly place: number;
  readonly char: string;
  readonly next: Set<number>;
}

function step(tokens: readonly Token[], { place, char, next }: Step): void {
  const token = tokens[place];
  const isSlash = char === "/";
  if (token === undefined) return;
  if (token.kind === "is" && token.char === char) enter(tokens, next, place + 1);
  if (token.kind === "one" && !isSlash) enter(tokens, next, place + 1);
  if (token.kind === "globstar" || (token.kind === "star" && !isSlash)) enter(tokens, next, place);
  if (token.kind !== "segments") return;
  // Inside of a segment it cannot be left: only a slash ends it.
  next.add(place);
  if (isSlash) enter(tokens, next, place + 1);
}
