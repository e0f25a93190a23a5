// Who may use the API: tokens with a name and a role, and the record of what was done with them.

import { z } from "zod";

/** `admin` may do everything, `read` may look at everything but tokens, secrets and the audit. */
export const accessRoles = ["admin", "read"] as const;
export type AccessRole = (typeof accessRoles)[number];

/** The token of the configuration, which is always an admin's. */
export const configuredName = "configured";
/** Who failed to sign in. */
export const nobody = "anonymous";

export const tokenName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    "has to be 1 to 63 lower-case letters, digits, . _ or -, beginning with a letter or a digit",
  )
  .refine((name) => name !== configuredName && name !== nobody, "is taken by the server itself; choose another");

/** Whoever asks. */
export interface Actor {
  readonly name: string;
  readonly role: AccessRole;
}

export interface AccessToken extends Actor {
  /** The beginning of the token. */
  readonly prefix: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

export const auditActions = [
  "build",
  "rebuild",
  "cancel",
  "replay",
  "prune",
  "login",
  "login_failed",
  "token_made",
  "token_revoked",
  "secret_shown",
  "reconcile",
  "test_delivery",
  "hook_added",
  "hooks_checked",
  "secret_rotated",
  "app_begun",
  "app_made",
] as const;
export type AuditAction = (typeof auditActions)[number];

/** What somebody asked for. `target`: what it was done to. */
export interface AuditRecord {
  readonly actor: string;
  readonly action: AuditAction;
  readonly target: string | null;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

export interface AuditEntry extends AuditRecord {
  readonly id: number;
  readonly at: Date;
}
