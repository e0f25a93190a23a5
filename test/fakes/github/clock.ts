// The fake's own clock: what it writes down, and what has ended, is by this one. It starts at the real time and runs on.

export class Clock {
  #offsetMs = 0;

  now(): Date {
    return new Date(Date.now() + this.#offsetMs);
  }

  /** A negative number goes back: what happened then is old once the clock is advanced again. */
  advance(ms: number): void {
    this.#offsetMs += ms;
  }
}
