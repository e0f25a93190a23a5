// How much of a build's log is kept: its beginning as it comes, its end when it has ended, whatever the attempts before have used.

/** Bytes are those of the text in UTF-8, each line with one for its end. */
export interface LogSize {
  readonly lines: number;
  readonly bytes: number;
}

const tailMax: LogSize = { lines: 200, bytes: 64 * 1024 };
/** So much is left to the ends of attempts, which halve it from one to the next. */
const reserveMax: LogSize = { lines: 2 * tailMax.lines, bytes: 2 * tailMax.bytes };

/** `stored`: by earlier attempts. What both shares are together is never more than is left of the limit. */
export function shareOut(limit: LogSize, stored: LogSize): { readonly head: LogSize; readonly tail: LogSize } {
  const lines = share(limit.lines, stored.lines, reserveMax.lines, tailMax.lines);
  const bytes = share(limit.bytes, stored.bytes, reserveMax.bytes, tailMax.bytes);
  return {
    head: { lines: lines.head, bytes: bytes.head },
    tail: { lines: lines.tail, bytes: bytes.tail },
  };
}

function share(limit: number, stored: number, reserveUpTo: number, tailUpTo: number): { head: number; tail: number } {
  const reserve = Math.min(reserveUpTo, Math.floor(limit / 4));
  const head = Math.max(0, limit - reserve - stored);
  const left = Math.max(0, Math.min(reserve, limit - stored));
  return { head, tail: Math.min(tailUpTo, Math.floor(left / 2)) };
}
