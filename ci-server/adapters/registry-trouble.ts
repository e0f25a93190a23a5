// What a registry's refusals mean that another try may not mend: its disk is full, or something before it takes no bodies of that size.

import type { KnownFailure } from "../core/failure.ts";

/** The registry's disk, and not the engine's. */
export const registryIsFull: KnownFailure = {
  kind: "disk",
  hint: "make room on the registry's disk: mergedock prune --dry-run lists what may go, registry/README.md tells how its room is given back",
};

export const registryInTrouble: KnownFailure = {
  kind: "registry",
  hint: "look at the registry's own log, and its disk: a full one may be answered like this; then ask for the build again",
};

export const bodyTooLarge: KnownFailure = {
  kind: "limit",
  hint: "let what stands before the registry take bodies of any size (nginx: client_max_body_size 0), or make the layer smaller",
};

/** What the status and the answer's text mean, where they mean one of these. Distribution answers a full disk with 500, and ENOSPC (28). */
export function knownTrouble(status: number, text: string): KnownFailure | null {
  if (status === 413) return bodyTooLarge;
  const isFull = status === 507 || (status >= 500 && /no space left|"Err":28\b/.test(text));
  return isFull ? registryIsFull : null;
}
