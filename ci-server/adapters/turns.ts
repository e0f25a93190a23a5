// What several builds of one process share: a lock for each name, and the lowest free number for each name.

/** Lets those who ask under the same name work one after the other. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** An abort ends the waiting, with the signal's reason; the work itself has to look to it. */
  async take<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    // Whoever gave up does not let the next one in before the one that still works.
    const last = before.then(() => done);
    this.#last.set(name, last);
    void last.then(() => {
      if (this.#last.get(name) === last) this.#last.delete(name);
    });
    try {
      await untilAborted(before, signal);
      return await work();
    } finally {
      resolve();
    }
  }
}

async function untilAborted(waited: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([waited, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Hands out the lowest number from 0 that nobody holds under the name. */
export class Slots {
  readonly #held = new Map<string, Set<number>>();

  take(name: string): number {
    const held = this.#held.get(name) ?? new Set();
    this.#held.set(name, held);
    let slot = 0;
    while (held.has(slot)) slot += 1;
    held.add(slot);
    return slot;
  }

  /** This very number; false when somebody holds it. */
  claim(name: string, slot: number): boolean {
    const held = this.#held.get(name) ?? new Set();
    this.#held.set(name, held);
    if (held.has(slot)) return false;
    held.add(slot);
    return true;
  }

  /** Whether anybody holds a number under the name. */
  isHeld(name: string): boolean {
    return (this.#held.get(name)?.size ?? 0) > 0;
  }

  free(name: string, slot: number): void {
    this.#held.get(name)?.delete(slot);
  }
}
