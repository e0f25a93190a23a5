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

/** A field that may be left out; null then. */
export function given<T>(schema: z.ZodType<T>) {
  return schema.optional().transform((value) => value ?? null);
}

/** Text that is searched for. */
export const words = given(line.max(200));
export const idBefore = given(z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER));
export const pageLimit = z.coerce.number().int().min(1).max(100).default(50);

/** The id to go on from; null where the page is the last one. */
export function nextOf<T extends { readonly id: number }>(entries: readonly T[], limit: number): number | null {
  return entries.length === limit ? (entries.at(-1)?.id ?? null) : null;
}

/** The body of a request. Throws as `readJson`, and `invalid` with each mistake. */
export async function parseBody<T>(schema: z.ZodType<T>, ctx: Parameters<Middleware>[0]): Promise<T> {
  const parsed = schema.safeParse(await readJson(ctx));
  if (!parsed.success) throw new AppError("invalid", `the request is not valid: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

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

export const idempotencyHeaders = z.object({
  "Idempotency-Key": z
    .string()
    .regex(keyPattern)
    .optional()
    .meta({ description: "What the client calls its request: the same one twice is one build." }),
});

/** What the client calls its request, so that the same one twice is one. Null when it does not. Throws `invalid`. */
export function readKey(ctx: Parameters<Middleware>[0]): string | null {
  const key = ctx.get("idempotency-key");
  if (key === "") return null;
  if (!keyPattern.test(key))
    throw new AppError("invalid", "Idempotency-Key has to be 1 to 200 printable characters without blanks");
  return key;
}
