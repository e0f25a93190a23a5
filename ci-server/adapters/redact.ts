// Leaves out of what is logged whatever may hold a secret, by its name, however deep it lies, and by its form within a text.

/** Names of fields and of headers, without regard to case, `_` and `-`. */
const secretName =
  /^(?:.*(?:password|passphrase|secret|token|authorization|authconfig|signature|privatekey|apikey|credentials?)|(?:set)?cookie|authorization)(?:s|sha256)?\d*$/;
/** Of a URL, of a header. */
const credentialsInText = /(?<=:\/\/)[^/\s@]+(?=@)|(?<=\b(?:bearer|basic) )[\w+/=.~-]{8,}/gi;
const depthMax = 8;
const censor = "[redacted]";

/** A copy; an Error is left to its serializer. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return value.replace(credentialsInText, censor);
  if (typeof value !== "object" || value === null || value instanceof Error || value instanceof Date) return value;
  if (depth >= depthMax) return "[too deep]";
  if (Array.isArray(value)) return value.map((part) => redact(part, depth + 1));
  const entries = Object.entries(value).map(([name, part]) => [
    name,
    isSecret(name, part) ? censor : redact(part, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

/** A list of names or numbers under such a name is one of secrets too; what is not there is none. */
function isSecret(name: string, value: unknown): boolean {
  if (value === null || value === undefined || typeof value === "boolean" || typeof value === "number") return false;
  return secretName.test(name.toLowerCase().replaceAll(/[_-]/g, ""));
}
