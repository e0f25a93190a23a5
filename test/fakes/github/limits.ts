// Rate limits: how many questions each user and each App's installation has, and what the answers say of that.
// Source: GitHub documentation, "Rate limits for the REST API", "Best practices for using the REST API".

import type { Clock } from "./clock.ts";
import type { Answer } from "./routes.ts";

/** Requests that make content, in a minute: what the documentation names. No limit unless a test sets it. */
export const documentedContentPerMinute = 80;

const hourMs = 3_600_000;
const minuteMs = 60_000;
const words = "Please wait a few minutes before you try again.";

interface Bucket {
  used: number;
  endsMs: number;
  contentMs: number[];
}

export interface Spending {
  /** Who asks; null: nobody that is known. */
  readonly login: string | null;
  readonly method: string;
}

export class RateLimits {
  /** In an hour: of one who is known, and of an address. */
  perHour = 5_000;
  anonymousPerHour = 60;
  contentPerMinuteMax = Number.POSITIVE_INFINITY;
  /** GitHub says 403 or 429, whichever. */
  status: 403 | 429 = 403;
  readonly #buckets = new Map<string | null, Bucket>();
  readonly #clock: Clock;
  #pausedUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As if all of this hour's questions had been asked; they are given back after so many seconds. */
  exhaust(login: string, seconds: number): void {
    const bucket = this.#bucket(login);
    bucket.used = this.perHour;
    bucket.endsMs = this.#now() + seconds * 1_000;
  }

  /** The secondary limit: nobody is answered for so many seconds. */
  pause(seconds: number): void {
    this.#pausedUntilMs = this.#now() + seconds * 1_000;
  }

  /** Counts one more question; the refusal where it is one too many. */
  spend({ login, method }: Spending): Answer | null {
    const bucket = this.#bucket(login);
    const { limit } = this.of(login);
    if (bucket.used >= limit) {
      const whom = login === null ? "127.0.0.1" : `user ID ${login}`;
      return { status: this.status, body: { message: `API rate limit exceeded for ${whom}.` } };
    }
    bucket.used += 1;
    const waitMs = this.#waitMs(bucket, method);
    if (waitMs <= 0) return null;
    const headers = { "retry-after": String(Math.ceil(waitMs / 1_000)) };
    return { status: 403, body: { message: `You have exceeded a secondary rate limit. ${words}` }, headers };
  }

  /** What was answered with 304 costs nothing. */
  giveBack(login: string | null): void {
    this.#bucket(login).used -= 1;
  }

  of(login: string | null): { limit: number; remaining: number; reset: number; used: number } {
    const { used, endsMs } = this.#bucket(login);
    const limit = login === null ? this.anonymousPerHour : this.perHour;
    return { limit, remaining: Math.max(limit - used, 0), reset: Math.ceil(endsMs / 1_000), used };
  }

  headers(login: string | null): Record<string, string> {
    const pairs = Object.entries(this.of(login)).map(([name, value]) => [`x-ratelimit-${name}`, String(value)]);
    return { ...Object.fromEntries(pairs), "x-ratelimit-resource": "core" };
  }

  #waitMs(bucket: Bucket, method: string): number {
    const now = this.#now();
    if (this.#pausedUntilMs > now) return this.#pausedUntilMs - now;
    if (method === "GET") return 0;
    bucket.contentMs = [...bucket.contentMs.filter((ms) => ms > now - minuteMs), now];
    return bucket.contentMs.length > this.contentPerMinuteMax ? minuteMs : 0;
  }

  #bucket(login: string | null): Bucket {
    const found = this.#buckets.get(login);
    if (found !== undefined && found.endsMs > this.#now()) return found;
    const made = { used: 0, endsMs: this.#now() + hourMs, contentMs: found?.contentMs ?? [] };
    this.#buckets.set(login, made);
    return made;
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}
