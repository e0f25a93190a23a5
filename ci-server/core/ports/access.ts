// Tokens that a forge gives out for a short time.

import type { GithubAppAccess } from "../access.ts";

export interface TokenRequest {
  readonly access: GithubAppAccess;
  /** Of the repository's `api.url`; null: what the access names, or what belongs to the url's host. */
  readonly apiUrl: string | null;
  /** The repository that it has to read, and nothing else. */
  readonly url: string;
  readonly signal: AbortSignal;
}

export interface AccessTokens {
  /**
   * A token that lasts for some minutes at least; the same one is given out until then. May run several times at once.
   * Throws `unauthorized` (the key or the app is refused), `not_found` (the app is not installed there, or does not reach
   * this repository), `forbidden` (it lacks the permission), `unavailable` (also where the forge wants to be left alone;
   * `details.retryAfterMs`).
   */
  token(request: TokenRequest): Promise<string>;
  /** A host refused this token: it is not given out again. */
  forget(token: string): void;
}
