// Which build arguments are secrets by their name: an argument stands in the image's history, in its labels and in the log.

import { failedBuild } from "./failure.ts";

/** `tokens` are what is counted as often as what is secret. */
const secretEnding = /(?:token|passwords?|passwd|passphrase|secrets?|credentials?)$/;
const keyWord = /^(?:api|access|auth|private|secret|signing|ssh|deploy)?keys?$/;
/** Secrets behind another word: `DB_PASS`, but not `PWD`. */
const secretAbbreviations = new Set(["pass", "pwd"]);
/** A key of these kinds is no secret. */
const openKinds = new Set(["public", "publishable", "cache", "primary", "foreign", "partition", "sort", "site", "map"]);
/** How it is written down says nothing of what it is. */
const writtenAs = new Set(["base64", "b64", "json", "pem", "value"]);

/**
 * Whether an argument of this name holds a secret: the last word tells what a value is. `NPM_TOKEN`, `dbPassword` and
 * `API_KEY` do; `TOKEN_URL`, `PUBLIC_KEY`, `PUBLIC_KEY_URL`, `PASSWORD_LENGTH`, `TOKENIZER` and `MONKEY` do not.
 */
export function looksLikeSecret(name: string): boolean {
  const words = wordsOf(name);
  while (words.length > 1 && writtenAs.has(words.at(-1) ?? "")) words.pop();
  const [kind = "", last = ""] = [words.at(-2), words.at(-1)];
  if (secretEnding.test(last) || (kind !== "" && secretAbbreviations.has(last))) return true;
  return keyWord.test(last) && !openKinds.has(kind);
}

/** Throws `invalid` with the names; the values are never shown. */
export function refuseSecretArgs(args: Readonly<Record<string, string>>): void {
  const names = Object.keys(args).filter(looksLikeSecret);
  if (names.length === 0) return;
  const list = names.join(", ");
  const message = `args: ${list} would stand in the image and in the log; give it as one of "secrets", and read it in the step with RUN --mount=type=secret,id=...`;
  const hint = `move ${list} from the image's "args" to its "secrets", and give the file in mergedock.yml`;
  throw failedBuild("invalid", message, { kind: "secret", hint });
}

/** `npmToken2`, `NPM_TOKEN_2` and `npm-token` are all `npm`, `token`. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .map((word) => (writtenAs.has(word) ? word : word.replace(/\d+$/, "")))
    .filter((word) => word !== "");
}
