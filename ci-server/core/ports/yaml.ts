// Text in YAML that somebody else wrote, as values that know where they stand.

/** Both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface ParsedYaml {
  /** Plain values; null of an empty text, and of one with mistakes. A number is the text that stands there: 3.10 is not 3.1. */
  readonly value: unknown;
  /** Of the grammar, a bounded number of them, in their order. */
  readonly mistakes: readonly (Place & { readonly message: string })[];
  /** Where the path's last name or entry begins; of one that is not there, what it is missing in. */
  placeOf(path: readonly PropertyKey[]): Place;
}

/** Never throws. Aliases that would grow beyond measure are a mistake. */
export type ParseYaml = (bytes: Uint8Array) => ParsedYaml;
