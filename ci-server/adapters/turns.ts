// What several builds of one process share: a lock for each name, and the lowest free number for each name.

/** Lets those who ask under the same name work one after the other. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(name, promise);
    try {
      await before;
      return await work();
    } finally {
      if (this.#last.get(name) === promise) this.#last.delete(name);
      resolve();
    }
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

  free(name: string, slot: number): void {
    this.#held.get(name)?.delete(slot);
  }
}
