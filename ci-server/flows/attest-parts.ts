// What a running build needs to attest its images.

import type { Attestations, Locked } from "../core/ports.ts";

export interface AttestParts {
  readonly attestations: Attestations;
  /** Who builds, as provenance names it; `version`: this program's. */
  readonly builder: { readonly id: string; readonly version: string };
  readonly locked: Locked;
}
