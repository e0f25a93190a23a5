// A stream whose digest is known at its end, whether or not somebody has read it to there.

import { createHash } from "node:crypto";

/** Passes bytes on and sums them up: also those that nobody unpacks any more, so that what was read can be trusted. */
export class CheckedBytes {
  readonly #iterator: AsyncIterator<Buffer>;
  readonly #sum = createHash("sha256");
  failure: unknown = null;
  digest: string | null = null;

  constructor(stream: AsyncIterable<Buffer>) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  /** Null at the end. */
  async next(): Promise<Buffer | null> {
    if (this.digest !== null || this.failure !== null) return null;
    try {
      const { done, value } = await this.#iterator.next();
      if (done === true) this.digest = `sha256:${this.#sum.digest("hex")}`;
      else this.#sum.update(value);
      return done === true ? null : value;
    } catch (thrown) {
      this.failure = thrown;
      throw thrown;
    }
  }

  /** Fewer only where there are no more. */
  async atLeast(length: number): Promise<Buffer> {
    let first = Buffer.alloc(0);
    for (let chunk = await this.next(); chunk !== null; chunk = await this.next()) {
      first = Buffer.concat([first, chunk]);
      if (first.length >= length) break;
    }
    return first;
  }

  /** Unlike a generator it goes on after the one who reads from it has stopped. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (let chunk = await this.next(); chunk !== null; chunk = await this.next()) yield chunk;
  }

  async close(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.failure === null && (await this.next()) !== null);
    await this.#iterator.return?.();
  }
}
