// The parts that the server needs and what to do when one of them does not work.

export const checkNames = ["engine", "registry", "database", "tunnel", "disk", "forge"] as const;
export type CheckName = (typeof checkNames)[number];

/** Without these nothing is built; the others are of use to somebody. */
export const vitalChecks: readonly CheckName[] = ["engine", "registry", "database", "disk"];

/** What to do about a check that failed. */
export const fixes: Readonly<Record<CheckName, string>> = {
  engine: "start Docker (systemctl start docker), or name another engine under engine.host",
  registry:
    'start it: README.md, "Use it", or docker compose up -d registry; check registry.api_url, ca_file and password_file',
  database: "start PostgreSQL, and check DATABASE_URL",
  tunnel:
    "docker compose --profile tunnel up -d, with NGROK_AUTHTOKEN in .env; or webhooks.public_url in mergedock.yml, where a proxy leads here: docs/tunnel.md",
  disk: "mergedock prune, or make room on the disk; limits.free_bytes_min says how much a build wants",
  forge:
    "mergedock webhook add owner/repo; or enter the webhook on the forge by hand: the page Set-up has what to enter",
};

export interface SystemCheck {
  readonly name: CheckName;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix: string | null;
}

/** `24 GiB free in /var/lib/mergedock`. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** `3 min ago`. */
export function ageText(at: Date, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - at.getTime()) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}
