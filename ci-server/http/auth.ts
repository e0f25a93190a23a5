// Lets a request pass that bears the admin token.

import { createHash, timingSafeEqual } from "node:crypto";
import type { Middleware } from "koa";
import { AppError } from "../core/errors.ts";

/** Compares digests, so that neither the content nor the length of the token shows in the time it takes. */
export function requireToken(token: string): Middleware {
  const expected = digest(token);
  return (ctx, next) => {
    const given = /^Bearer (.+)$/i.exec(ctx.get("authorization"))?.[1];
    if (given === undefined || !timingSafeEqual(digest(given), expected)) {
      throw new AppError(
        "unauthorized",
        'send "Authorization: Bearer <admin token>"; the token lies in the state folder, secrets/admin-token',
      );
    }
    return next();
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
