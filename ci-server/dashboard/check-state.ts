// How a check of the system is told: what a server can do without is no failure.

import type { SystemView } from "./views.ts";

type Check = SystemView["checks"][number];

/** No tunnel is needed where the forge reaches the server otherwise, and a new server has heard of no forge. */
export function isBad({ name, ok }: Check): boolean {
  return !ok && name !== "tunnel" && name !== "forge";
}

export function wordOf({ name, ok, detail }: Check): string {
  if (ok) return "works";
  if (name === "tunnel") return "not used";
  if (name === "forge") return detail === "none yet" ? "nothing received yet" : "not known";
  return "does not work";
}

/** Whether any delivery that was signed well has come from the forge; null: none has. */
export function heardFromForge({ checks }: Pick<SystemView, "checks">): string | null {
  const forge = checks.find(({ name }) => name === "forge");
  return forge?.ok === true ? forge.detail : null;
}

/** With or without a port. */
const ownName = /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/;

/** Of a registry: no other machine reaches it by this name. */
export function isOwnName(host: string): boolean {
  return ownName.test(host);
}
