// The ways in which forges write one and the same JSON value: whoever has only the value finds the bytes that were signed among them.

type Spelling = (value: unknown) => string;

const plain: Spelling = (value) => JSON.stringify(value);
/** Rails and Go write what means something in HTML as escapes. */
const forHtml: Spelling = (value) => escapeHtml(JSON.stringify(value));

/** The most frequent first. What is lost in the value itself, as `1.0` or a number of 17 digits, none of them brings back. */
export const jsonSpellings: readonly Spelling[] = [
  plain,
  forHtml,
  // GitHub writes control characters as `\u001B`, JSON.stringify as `\u001b`.
  (value) => inUpperCase(plain(value)),
  (value) => inUpperCase(forHtml(value)),
  (value) => plain(value).replaceAll("/", "\\/"),
  (value) => inAscii(plain(value)),
  (value) => inAscii(plain(value)).replaceAll("/", "\\/"),
  // Gitea and Forgejo indent.
  (value) => escapeHtml(JSON.stringify(value, null, 2)),
];

/** Of a merge's payload a small part; of megabytes each spelling takes seconds, and whoever has posted them is not known yet. */
const charsMax = 1024 * 1024;

/** Of a value that is larger the most frequent one alone. */
export function* spellingsOf(value: unknown): Generator<string> {
  const [first = plain, ...others] = jsonSpellings;
  const text = first(value);
  yield text;
  if (text.length <= charsMax) for (const spell of others) yield spell(value);
}

function escapeHtml(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, escapeOf);
}

function inAscii(json: string): string {
  return json.replace(/[^\0-\x7e]/g, escapeOf);
}

/** A backslash that is itself escaped begins no escape. */
function inUpperCase(json: string): string {
  return json.replace(/\\(?:u([\da-f]{4})|.)/g, (found, digits?: string) =>
    digits === undefined ? found : `\\u${digits.toUpperCase()}`,
  );
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
