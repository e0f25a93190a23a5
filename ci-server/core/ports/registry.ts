// Where images are kept.

/** A manifest as the registry holds it; its digest was recomputed from the bytes received. */
export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  /** Digest of the image's configuration; null for an index. */
  readonly configDigest: string | null;
  /** Bytes of configuration and layers as stored (compressed). */
  readonly bytes: number;
  /** Digests of configuration and layers; of an index those of its manifests. */
  readonly parts: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface AnnotateRequest {
  /** Path without host. */
  readonly image: string;
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Awaited right before the write. */
  readonly fence: () => Promise<void>;
  readonly signal: AbortSignal;
}

export interface TagRequest {
  /** Path without host. */
  readonly image: string;
  readonly digest: string;
  readonly tags: readonly string[];
  /** Awaited right before each write: where it throws, nothing is written. */
  readonly fence: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** The registry's own API over verified TLS. Throws `unavailable`, `forbidden` (a certificate of another CA), `unauthorized`. */
export interface Registry {
  /** `image`: path without host. `reference`: tag or digest. Null when there is none. Throws `conflict` when the bytes do not have the digest asked for. */
  manifest(image: string, reference: string, signal: AbortSignal): Promise<Manifest | null>;
  /**
   * Lets the registry have what the digest names with these annotations too, and returns it: the same configuration and layers
   * under a manifest of OCI's type, or the same manifests under an index, by its own digest and without a tag. The same bytes
   * each time. A list of Docker's type has no annotations and is returned as it is. Throws `unavailable` when there is no such
   * manifest (yet).
   */
  annotate(request: AnnotateRequest): Promise<Manifest>;
  /** Lets each of the tags name the manifest with the digest. Idempotent. Throws `unavailable` when there is no such manifest (yet). */
  tag(request: TagRequest): Promise<void>;
  /** What was found, in one line. */
  check(signal: AbortSignal): Promise<string>;
}
