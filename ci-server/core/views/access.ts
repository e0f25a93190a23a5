// Tokens, sessions and the audit as the API shows them.

import { z } from "zod";
import { accessRoles, auditActions } from "../accounts.ts";
import { id, time } from "./json.ts";

const role = z.enum(accessRoles);

export const sessionView = z.object({ name: z.string(), role }).meta({ id: "Session" });

const token = z.object({
  name: z.string(),
  role,
  prefix: z.string(),
  createdAt: time,
  createdBy: z.string(),
  lastUsedAt: time.nullable().meta({ description: "To the minute." }),
  revokedAt: time.nullable(),
});

export const tokenListView = z.object({ tokens: z.array(token) }).meta({ id: "TokenList" });

export const newTokenView = z
  .object({ name: z.string(), role, token: z.string().meta({ description: "Shown this once." }) })
  .meta({ id: "NewToken" });

const auditEntry = z.object({
  id,
  at: time,
  actor: z.string().meta({ description: "Name of the token." }),
  action: z.enum(auditActions),
  target: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

export const auditListView = z.object({ entries: z.array(auditEntry), next: id.nullable() }).meta({ id: "AuditList" });

export type SessionView = z.infer<typeof sessionView>;
export type TokenListView = z.infer<typeof tokenListView>;
export type AuditListView = z.infer<typeof auditListView>;
