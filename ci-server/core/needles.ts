// Finds any of many texts in one pass, whatever their number: the automaton of Aho and Corasick (CACM 18, 1975).

/** Its states are numbers; 0 is the state in which nothing has been seen. */
export class Needles {
  /** Longest needle that ends in a state; 0 where none does. */
  readonly #ends: number[] = [0];
  /** How much of a needle has been seen in a state. */
  readonly #depths: number[] = [0];
  readonly #fails: number[] = [0];
  // The states after one are a list: its first, and for each the next. Most have one.
  readonly #units: number[] = [0];
  readonly #firsts: number[] = [0];
  readonly #nexts: number[] = [0];
  /** The first state is left by each of the needles' beginnings. */
  readonly #beginnings = new Map<number, number>();

  constructor(needles: Iterable<string>) {
    for (const needle of needles) this.#add(needle);
    this.#link();
  }

  get isEmpty(): boolean {
    return this.#beginnings.size === 0;
  }

  /** `unit`: a UTF-16 code unit. */
  next(state: number, unit: number): number {
    let from = state;
    for (;;) {
      const to = this.#step(from, unit);
      if (to !== 0 || from === 0) return to;
      from = this.#fails[from] ?? 0;
    }
  }

  /** The length of the longest needle that ends here; 0 when none does. */
  ending(state: number): number {
    return this.#ends[state] ?? 0;
  }

  /** The length of the longest beginning of a needle that ends here. */
  depth(state: number): number {
    return this.#depths[state] ?? 0;
  }

  #step(from: number, unit: number): number {
    if (from === 0) return this.#beginnings.get(unit) ?? 0;
    let to = this.#firsts[from] ?? 0;
    while (to !== 0 && this.#units[to] !== unit) to = this.#nexts[to] ?? 0;
    return to;
  }

  #add(needle: string): void {
    let state = 0;
    for (let index = 0; index < needle.length; index += 1) {
      const unit = needle.charCodeAt(index);
      const known = this.#step(state, unit);
      state = known === 0 ? this.#append(state, unit) : known;
    }
    if (state !== 0) this.#ends[state] = needle.length;
  }

  #append(from: number, unit: number): number {
    const state = this.#units.length;
    this.#units.push(unit);
    this.#ends.push(0);
    this.#fails.push(0);
    this.#depths.push((this.#depths[from] ?? 0) + 1);
    this.#nexts.push(from === 0 ? 0 : (this.#firsts[from] ?? 0));
    this.#firsts.push(0);
    if (from === 0) this.#beginnings.set(unit, state);
    else this.#firsts[from] = state;
    return state;
  }

  /** By depth: the state to fall back to is always nearer to the first one. */
  #link(): void {
    const queue = [...this.#beginnings.values()];
    for (let index = 0; index < queue.length; index += 1) {
      const from = queue[index] ?? 0;
      for (let to = this.#firsts[from] ?? 0; to !== 0; to = this.#nexts[to] ?? 0) {
        const fail = this.next(this.#fails[from] ?? 0, this.#units[to] ?? 0);
        this.#fails[to] = fail;
        if (this.#ends[to] === 0) this.#ends[to] = this.#ends[fail] ?? 0;
        queue.push(to);
      }
    }
  }
}
