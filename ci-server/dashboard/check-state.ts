// How a check of the system is told: what a server can do without is no failure.

import type { SystemView } from "./views.ts";

type Check = SystemView["checks"][number];

/** No tunnel is needed where the forge reaches the server otherwise, and a new server has heard of no forge. */
export function isBad({ name, ok, detail }: Check): boolean {
  if (ok || name === "tunnel") return false;
  // Its API is limited or does not answer: that is told here, too.
  return name !== "forge" || !/^(?:none yet|not known)/.test(detail);
}

export function wordOf({ name, ok, detail }: Check): string {
  if (ok) return "works";
  if (name === "tunnel") return "not used";
  if (name === "forge" && detail === "none yet") return "nothing received yet";
  if (name === "forge" && detail.startsWith("not known")) return "not known";
  return "does not work";
}

/** Whether any delivery that was signed well has come from the forge; null: none has. */
export function heardFromForge({ checks }: Pick<SystemView, "checks">): string | null {
  const forge = checks.find(({ name }) => name === "forge");
  return /last verified delivery .+$/.exec(forge?.detail ?? "")?.[0] ?? null;
}

/** With or without a port. */
const ownName = /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/;

/** Of a registry: no other machine reaches it by this name. */
export function isOwnName(host: string): boolean {
  return ownName.test(host);
}
