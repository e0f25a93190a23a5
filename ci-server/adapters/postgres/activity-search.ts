// What somebody types into the search of the activity, as conditions on a build and on a delivery.

export interface Search {
  /** For `ilike`. */
  readonly pattern: string;
  /** A pull request's, where it is one: `42` or `#42`. */
  readonly number: number | null;
  /** For `like`: where it may be the beginning of a commit or of a GUID. */
  readonly begin: string | null;
}

/** Takes a value, and gives its place in the statement. */
type Put = (value: unknown) => string;

/** Null where nothing is searched for. */
export function toSearch(q: string | null): Search | null {
  const text = q?.trim() ?? "";
  if (text === "") return null;
  const number = /^#?(\d{1,9})$/.exec(text)?.[1];
  const begin = /^[0-9a-fA-F-]{4,64}$/.test(text) ? `${text.toLowerCase()}%` : null;
  return { pattern: `%${escaped(text)}%`, number: number === undefined ? null : Number(number), begin };
}

export function buildMatches(search: Search, put: Put): string {
  const columns = ["pull_request->>'title'", "pull_request->>'author'", "version", "service", "repository"];
  const number = search.number === null ? [] : [`pull_request_number = ${put(search.number)}::int`];
  return anyOf([...has(columns, search, put), ...number, ...begins(["sha", "delivery_guid"], search, put)]);
}

/** The title begins with the pull request's number. */
export function deliveryMatches(search: Search, put: Put): string {
  return anyOf([...has(["title", "reason", "repository", "name"], search, put), ...begins(["guid"], search, put)]);
}

/** Text for `like`, in which nothing stands for anything else. */
export function escaped(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}

function has(columns: readonly string[], { pattern }: Search, put: Put): string[] {
  const place = put(pattern);
  return columns.map((column) => `${column} ilike ${place}::text`);
}

function begins(columns: readonly string[], { begin }: Search, put: Put): string[] {
  if (begin === null) return [];
  const place = put(begin);
  return columns.map((column) => `${column} like ${place}::text`);
}

function anyOf(conditions: readonly string[]): string {
  return `(${conditions.join(" or ")})`;
}
