// Where pull requests live.

import type { Delivery, ForgeEvent } from "../delivery.ts";

/** The headers and the exact bytes of a request. Header names are lower case. */
export interface ForgeRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** Where pull requests live. */
export interface Forge {
  readonly name: string;
  /**
   * Verifies the signature over the raw bytes, then parses. Pure: touches nothing.
   * Throws `unauthorized` (no or wrong signature), `invalid` (no id or no event's name). A body that is signed and yet
   * not what the name says is an `unreadable` event.
   */
  receive(request: ForgeRequest): Delivery;
  /** Parses what was verified and stored before. */
  read(stored: StoredRequest): ForgeEvent;
}

/** What of a delivery is needed to read it again. */
export interface StoredRequest {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
