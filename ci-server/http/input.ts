// Reads what a client of the API sends, and says what is wrong with it.

import type { Middleware } from "koa";
import rawBody from "raw-body";
import { z } from "zod";
import { AppError } from "../core/errors.ts";

const bodyBytesMax = 64 * 1024;
// Source: draft-ietf-httpapi-idempotency-key-header; the length is ours.
const keyPattern = /^[\x21-\x7e]{1,200}$/;

/** Text of one line, for names: no control characters and no halves of characters. */
export const line = z.string().regex(/^[^\p{C}]+$/u, "has to be text without control characters");

export function parseQuery<T>(schema: z.ZodType<T>, query: unknown): T {
  const parsed = schema.safeParse(query);
  if (!parsed.success) throw new AppError("invalid", `the query is not valid: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** A JSON body of a bounded size. Throws `unsupported`, `too_large`, `invalid`. */
export async function readJson({ req, request }: Parameters<Middleware>[0]): Promise<unknown> {
  if (request.type !== "application/json") {
    throw new AppError("unsupported", 'send the request as JSON with "Content-Type: application/json"');
  }
  const text = await rawBody(req, { limit: bodyBytesMax, encoding: "utf8" }).catch((cause: unknown) => {
    throw new AppError("too_large", `the request has to arrive whole and to be at most ${bodyBytesMax} bytes`, {
      cause,
    });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid", "the request is not JSON", { cause });
  }
}

/** What the client calls its request, so that the same one twice is one. Null when it does not. Throws `invalid`. */
export function readKey(ctx: Parameters<Middleware>[0]): string | null {
  const key = ctx.get("idempotency-key");
  if (key === "") return null;
  if (!keyPattern.test(key))
    throw new AppError("invalid", "Idempotency-Key has to be 1 to 200 printable characters without blanks");
  return key;
}
