// What GitHub's API is asked with and answers, as far as the HTTP goes.

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly data: unknown;
}

export type Parameters = Readonly<Record<string, unknown>>;
