// Answers that are asked for again and again, with the tags under which GitHub knows them: one that is still the same costs nothing
// of the rate limit. Source: GitHub documentation, "Use conditional requests if appropriate".

import type { Answer } from "./answer.ts";

const keptMax = 50;

export interface RememberedAnswer {
  readonly etag: string;
  readonly answer: Answer;
}

/** Of one credential: another one may be shown something else. */
export class Remembered {
  readonly #kept = new Map<string, RememberedAnswer>();

  of(url: string): RememberedAnswer | undefined {
    return this.#kept.get(url);
  }

  /** The oldest goes first. */
  keep(url: string, answer: Answer): void {
    this.#kept.delete(url);
    const { etag } = answer.headers;
    if (typeof etag !== "string") return;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= keptMax && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(url, { etag, answer });
  }
}
