// What is known of a request beside what it says: who asks, and what of it is for the audit.

import type { Middleware } from "koa";
import type { Actor, AuditRecord } from "../core/accounts.ts";

export type Context = Parameters<Middleware>[0];

/** `byCookie`: a browser sends it by itself, whoever made it ask. */
export interface Asker extends Actor {
  readonly byCookie: boolean;
}

const askers = new WeakMap<Context["req"], Asker>();
const notes = new WeakMap<Context["req"], Omit<AuditRecord, "actor">>();

export function setAsker(ctx: Context, asker: Asker): void {
  askers.set(ctx.req, asker);
}

/** Behind `authenticate` there is one. */
export function askerOf(ctx: Context): Asker {
  const asker = askers.get(ctx.req);
  if (asker === undefined) throw new Error("nobody has asked who sends this request");
  return asker;
}

/** Goes into the audit once the request has ended; noted before what is asked for is done, also when that fails. */
export function noteForAudit(ctx: Context, note: Omit<AuditRecord, "actor">): void {
  notes.set(ctx.req, note);
}

export function auditNoteOf(ctx: Context): Omit<AuditRecord, "actor"> | undefined {
  return notes.get(ctx.req);
}
