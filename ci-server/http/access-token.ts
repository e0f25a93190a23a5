// Tokens and values of sessions: 256 random bits, of which only the SHA-256 is kept. They have their full entropy, so that no
// slow hash is needed, and looking up the digest gives nothing away in the time that it takes.

import { createHash, randomBytes } from "node:crypto";

const prefixChars = 9;

export interface MadeToken {
  readonly token: string;
  readonly hash: Uint8Array;
  /** For people to tell it by. */
  readonly prefix: string;
}

export function makeToken(kind: "md" | "mds" | "mda"): MadeToken {
  const token = `${kind}_${randomBytes(32).toString("base64url")}`;
  return { token, hash: hashOf(token), prefix: token.slice(0, prefixChars) };
}

export function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
