// Numbers and times as people read them.

const units = ["B", "kB", "MB", "GB", "TB"];

/** `48.2 MB`: powers of a thousand, as registries and disks are sold by. */
export function bytes(value: number): string {
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${value < 0 ? "−" : ""}${size.toFixed(digits)} ${units[unit]}`;
}

/** `+1.2 MB`, `−3 kB`, `±0`. */
export function bytesChange(now: number, before: number): string {
  const change = now - before;
  if (change === 0) return "±0";
  return change > 0 ? `+${bytes(change)}` : bytes(change);
}

/** `0.4 s`, `38 s`, `4 min 12 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 950) return `${Math.max(0, ms / 1000).toFixed(ms < 95 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `4 d ago`, and the date when it is longer ago. */
export function age(at: string, nowMs: number): string {
  const seconds = Math.round((nowMs - Date.parse(at)) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  if (seconds < 30 * 86_400) return `${Math.floor(seconds / 86_400)} d ago`;
  return at.slice(0, 10);
}

/** In the reader's own time zone, which it names. */
export function exactTime(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
}

export function shortSha(sha: string): string {
  return sha.slice(0, 7);
}

/** `sha256:0123456789ab`. */
export function shortDigest(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}

/** `1 line`, `120 lines`; every third digit apart. */
export function count(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString("en")} ${value === 1 ? one : many}`;
}
