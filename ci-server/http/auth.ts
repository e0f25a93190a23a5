// Who asks: by a bearer token or by the cookie of a session; and what that one may do.

import { scryptSync, timingSafeEqual } from "node:crypto";
import type { Middleware } from "koa";
import { type Actor, configuredName } from "../core/accounts.ts";
import { AppError } from "../core/errors.ts";
import type { Accounts } from "../core/ports.ts";
import { hashOf } from "./access-token.ts";
import { type Asker, askerOf, type Context, setAsker } from "./context.ts";
import type { RateLimit } from "./rate-limit.ts";
import { isSafe } from "./same-origin.ts";

export const sessionCookie = "mergedock_session";

export interface AuthParts {
  readonly accounts: Accounts;
  readonly adminToken: string;
}

export interface Authentication {
  /** Whose token it is; null when nobody's. */
  owner(tokenHash: Uint8Array): Promise<Actor | null>;
  /** How the token of this hash is named in the database. */
  atRest(tokenHash: Uint8Array): Uint8Array;
  /** Whether who asked is still one whom it knows. */
  knows(ctx: Context): Promise<boolean>;
  /** Lets those pass that it knows, so many of their requests in a minute. */
  authenticate(requests: RateLimit): Middleware;
}

export function createAuthentication({ accounts, adminToken }: AuthParts): Authentication {
  const configured = hashOf(adminToken);
  // A person may have chosen this token: what stands of it beside its sessions must not be quick to guess by.
  const slowHash = scryptSync(adminToken, "mergedock session", configured.length);
  /** Digests are compared, so that neither the content nor the length of the token shows in the time it takes. */
  const isConfigured = (hash: Uint8Array) => timingSafeEqual(hash, configured) || timingSafeEqual(hash, slowHash);
  const owner = async (tokenHash: Uint8Array): Promise<Actor | null> =>
    isConfigured(tokenHash) ? { name: configuredName, role: "admin" } : accounts.tokenOwner(tokenHash);
  const find = async (ctx: Context): Promise<Asker | null> => {
    const credential = credentialOf(ctx);
    if (credential === null) return null;
    const hash = hashOf(credential.value);
    const tokenHash = credential.byCookie ? await accounts.sessionToken(hash) : hash;
    const actor = tokenHash === null ? null : await owner(tokenHash);
    return actor === null ? null : { ...actor, byCookie: credential.byCookie };
  };
  return {
    owner,
    atRest: (tokenHash) => (isConfigured(tokenHash) ? slowHash : tokenHash),
    knows: async (ctx) => (await find(ctx)) !== null,
    authenticate: (requests) => async (ctx, next) => {
      const asker = await find(ctx);
      await requests.take(asker === null ? `address ${ctx.ip}` : `token ${asker.name}`);
      if (asker === null) throw unknownAsker(ctx);
      setAsker(ctx, asker);
      await next();
    },
  };
}

/** A token that is sent on purpose goes before a cookie that is sent by itself. */
function credentialOf(ctx: Context): { readonly value: string; readonly byCookie: boolean } | null {
  const bearer = /^Bearer (.+)$/i.exec(ctx.get("authorization"))?.[1];
  if (bearer !== undefined) return { value: bearer, byCookie: false };
  const cookie = ctx.cookies.get(sessionCookie);
  return cookie === undefined ? null : { value: cookie, byCookie: true };
}

function unknownAsker(ctx: Context): AppError {
  const help = 'send "Authorization: Bearer <admin token>"; the token lies in the state folder, secrets/admin-token';
  const ended = ctx.cookies.get(sessionCookie) === undefined ? "" : "the session has ended: sign in again, or ";
  return new AppError("unauthorized", `${ended}${help}`);
}

/** Whoever has the role read looks, and changes nothing but its own session. */
export function requireRole(): Middleware {
  return (ctx, next) => {
    const { role, name } = askerOf(ctx);
    if (role !== "admin" && !isSafe(ctx) && ctx.path !== "/api/v1/session")
      throw new AppError("forbidden", `the token "${name}" has the role read: it can look, and change nothing`);
    return next();
  };
}

/** For what only an admin may look at. */
export function requireAdmin(): Middleware {
  return (ctx, next) => {
    const { role, name } = askerOf(ctx);
    if (role !== "admin") throw new AppError("forbidden", `the token "${name}" has the role read: this is for admins`);
    return next();
  };
}
