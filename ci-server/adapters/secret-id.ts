// Names a secret without telling it: what deliveries record of the secret that fitted.

import { createHash } from "node:crypto";

/** The beginning of its SHA-256. */
export function secretIdOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex").slice(0, 8);
}
