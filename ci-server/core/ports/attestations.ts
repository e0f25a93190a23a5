// Signed statements beside an image in the registry.

import type { Statement } from "../attestation.ts";
import type { Attestation } from "../build.ts";
import type { ImageContent } from "../sbom/package.ts";

/** `digest`: of the manifest under which the registry has it. */
export interface SignedStatement extends Attestation {
  readonly statement: Statement;
}

/** Lets those who ask under the same name work one after the other, in whatever process. */
export type Locked = <T>(name: string, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

export interface AttachRequest {
  /** Path without host. */
  readonly image: string;
  readonly digest: string;
  readonly statements: readonly Statement[];
  /** Around the list that registries without the referrers API need: it is read, and written again. */
  readonly locked: Locked;
  /** Awaited right before each write that can be seen: when it throws, nothing more is written. */
  readonly fence: () => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Signs with the installation's key. Throws `unavailable` (worth a retry), `unauthorized`, `forbidden`, `conflict` (the
 * registry sends other bytes than it was asked for), `internal`.
 */
export interface Attestations {
  /** What the image's layers say of the packages in it, read from the registry. What cannot be read is among its problems. */
  content(image: string, digest: string, signal: AbortSignal): Promise<ImageContent>;
  /** Provenance and SBOMs of the image that bear this installation's signature; what others have put beside it is left out. */
  find(image: string, digest: string, signal: AbortSignal): Promise<readonly SignedStatement[]>;
  /** Stores each statement beside the image, whose own manifest stays as it is. Idempotent: the same statement is stored once. */
  attach(request: AttachRequest): Promise<readonly Attestation[]>;
}
