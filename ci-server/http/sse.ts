// Server-sent events: one answer that goes on, to each of a bounded number of viewers, and no more of it than its viewer takes.
// Source: HTML Living Standard, 9.2 "Server-sent events".

import type { ServerResponse } from "node:http";
import { AppError } from "../core/errors.ts";
import type { LiveEvent } from "../core/live-event.ts";
import type { Context } from "./context.ts";

export interface ViewerLimits {
  /** In all. */
  readonly viewersMax: number;
  /** So long a viewer may take for what was sent to it. */
  readonly stallMsMax: number;
  /** After it a comment is sent, so that nobody in between takes the connection for dead. */
  readonly silenceMsMax: number;
}

/** What comes next; null at the end. */
export type ReadNext = (gone: AbortSignal) => Promise<Uint8Array | null>;

export interface Shown {
  readonly open: (gone: AbortSignal) => Promise<ReadNext>;
  /** Asked now and then: a token may be revoked, a session may end. */
  readonly isWelcome: () => Promise<boolean>;
}

const retryMs = 1_000;

export function encode(events: readonly LiveEvent[]): Buffer {
  return Buffer.from(events.map(toText).join(""));
}

/** An event without data moves the viewer's position and is none for it. */
function toText({ id, name, data }: LiveEvent): string {
  const fields = [id === null ? "" : `id: ${id}\n`, name === null ? "" : `event: ${name}\ndata: ${data}\n`];
  return `${fields.join("")}\n`;
}

export class Viewers {
  readonly #limits: ViewerLimits;
  readonly #streams = new Set<AbortController>();
  #isClosed = false;

  constructor(limits: ViewerLimits) {
    this.#limits = limits;
  }

  /** Answers with what `open` reads, for as long as the viewer stays. Throws what `open` throws, and `unavailable`. */
  async show(ctx: Context, { open, isWelcome }: Shown): Promise<void> {
    const { viewersMax } = this.#limits;
    if (this.#isClosed) throw new AppError("unavailable", "the server stops");
    if (this.#streams.size >= viewersMax)
      throw new AppError("unavailable", `${viewersMax} viewers look on already (limits.viewers_max); try again later`);
    // It has gone before it was answered, and would not be heard going.
    if (ctx.res.closed) return;
    const gone = new AbortController();
    this.#streams.add(gone);
    const leave = () => {
      this.#streams.delete(gone);
      gone.abort();
    };
    ctx.res.once("close", leave);
    try {
      const next = await open(gone.signal);
      begin(ctx);
      if (ctx.method === "HEAD") ctx.res.end();
      else {
        this.#beat(ctx.res, gone, isWelcome);
        void this.#write(ctx.res, next, gone.signal);
      }
    } catch (cause) {
      leave();
      throw cause;
    }
  }

  /** Ends every stream: who wants more comes back. */
  readonly close = async (): Promise<void> => {
    this.#isClosed = true;
    for (const stream of [...this.#streams]) stream.abort();
  };

  /** Nothing is read for a viewer before it has taken what was sent. */
  async #write(res: ServerResponse, next: ReadNext, gone: AbortSignal): Promise<void> {
    const { stallMsMax } = this.#limits;
    try {
      res.write(`retry: ${retryMs}\n\n`);
      for (let bytes = await next(gone); bytes !== null; bytes = await next(gone))
        if (!res.write(bytes)) await drained(res, stallMsMax, gone);
      this.#end(res);
    } catch {
      // It cannot be told any more; it comes back and is answered then.
      res.destroy();
    }
  }

  /** What was sent before has to be taken even so. */
  #end(res: ServerResponse): void {
    if (res.closed) return;
    const timer = setTimeout(() => res.destroy(), this.#limits.stallMsMax);
    res.once("close", () => clearTimeout(timer));
    res.end();
  }

  /** Asks now and then whether the viewer is welcome still, and lets it go when it is not. */
  watch(gone: AbortController, isWelcome: Shown["isWelcome"]): void {
    this.#often(gone.signal, () => {
      // Where it cannot be asked now it is asked the next time.
      isWelcome().then(
        (is) => is || gone.abort(),
        () => undefined,
      );
    });
  }

  #beat(res: ServerResponse, gone: AbortController, isWelcome: Shown["isWelcome"]): void {
    this.watch(gone, isWelcome);
    this.#often(gone.signal, () => {
      // After its end it would take nothing more.
      if (!res.writableNeedDrain && !res.writableEnded) res.write(":\n\n");
    });
  }

  /** Until the viewer has gone; one that went while its stream was opened is not heard going. */
  #often(gone: AbortSignal, work: () => void): void {
    if (gone.aborted) return;
    const timer = setInterval(work, this.#limits.silenceMsMax);
    gone.addEventListener("abort", () => clearInterval(timer));
  }
}

/** Koa would answer by itself; the answer is ours from here on. */
function begin(ctx: Context): void {
  ctx.respond = false;
  ctx.status = 200;
  ctx.set("Content-Type", "text/event-stream");
  ctx.set("Cache-Control", "no-store");
  ctx.set("X-Accel-Buffering", "no");
  ctx.flushHeaders();
}

/** Rejects when the viewer takes too long. */
function drained(res: ServerResponse, ms: number, gone: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer);
      res.off("drain", taken);
      gone.removeEventListener("abort", taken);
      settle();
    };
    const taken = () => end(resolve);
    const timer = setTimeout(() => end(() => reject(new Error("the viewer does not read"))), ms);
    res.once("drain", taken);
    gone.addEventListener("abort", taken);
    if (gone.aborted) taken();
  });
}
