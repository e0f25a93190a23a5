// Times and sizes as people say them.

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function toSize(bytes: number): string {
  if (bytes < 1) return "0 bytes";
  const power = Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** `0.3s`, `42.0s`, `3m 05s`, `2h 03m`. */
export function toDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${pad(Math.floor((whole % 3600) / 60))}m`;
}

/** `5 s ago`, `3 min ago`, `2 h ago`, `4 days ago`; after a year its date. */
export function toAge(at: string, nowMs: number): string {
  const seconds = Math.floor((nowMs - Date.parse(at)) / 1000);
  if (Number.isNaN(seconds)) return "?";
  // A clock that is a little behind the server's.
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  const days = Math.floor(seconds / 86_400);
  return days < 365 ? `${days} days ago` : at.slice(0, 10);
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
