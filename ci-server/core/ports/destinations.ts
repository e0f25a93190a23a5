// Further registries that images go to.

import type { Locked } from "./attestations.ts";
import type { WriteLine } from "./log.ts";

export interface CopyRequest {
  /** Path in our own registry, without host. */
  readonly image: string;
  /** Of a manifest in our own registry. */
  readonly digest: string;
  /** `registry.example.com/team/shop`. */
  readonly destination: string;
  readonly tags: readonly string[];
  /** Tags that must not change once they are there. */
  readonly immutable: readonly string[];
  readonly fence: () => Promise<void>;
  readonly signal: AbortSignal;
  readonly log: WriteLine;
}

/** What lies beside an image that was copied. */
export interface CopyReferrersRequest
  extends Pick<CopyRequest, "image" | "digest" | "destination" | "fence" | "signal" | "log"> {
  /** Digests of manifests in our own registry whose subject is the image. */
  readonly referrers: readonly string[];
  /** Around the list that registries without the referrers API need: it is read, and written again. */
  readonly locked: Locked;
}

/** Brings what our own registry has to others, byte for byte: the digest is the same everywhere. */
export interface Destinations {
  /**
   * Copies what is missing there, lets the tags name it, and asks for it again by its digest. Idempotent.
   * Throws `unavailable` (worth a retry), `unauthorized`, `forbidden`, `conflict` (an immutable tag names something else),
   * `invalid` (a registry that is not configured).
   */
  copy(request: CopyRequest): Promise<void>;
  /** Copies these to beside the image there, lists them where the registry does not, and asks for the list. Otherwise as `copy`. */
  copyReferrers(request: CopyReferrersRequest): Promise<void>;
}
