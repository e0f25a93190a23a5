// What others have written, as it may be shown: without what turns the direction of text round, and the words beside it with it.

/** Marks, embeddings, overrides and isolates: UAX #9, 2. */
const turns = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function withoutTurns(text: string): string {
  return text.replace(turns, "");
}

/** What JSON says, with every text of it so. */
export function parseShown(json: string): unknown {
  return JSON.parse(json, (_name, value: unknown) => (typeof value === "string" ? withoutTurns(value) : value));
}
