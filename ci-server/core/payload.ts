// What the payloads of all forges have in common, and how one that is not as it should be is told.

import { z } from "zod";
import { cleanText } from "./clean-text.ts";
import { AppError } from "./errors.ts";

export const commitId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
// What people write may hold NULs and halves of characters, which no database takes.
export const payloadText = z.string().transform(cleanText);
export const int32 = z
  .number()
  .int()
  .max(2 ** 31 - 1);
export const actionText = payloadText.pipe(z.string().max(64));
export const payloadUser = z.object({ login: payloadText });

export const anyEvent = z.object({
  action: actionText.optional(),
  repository: z.object({ full_name: payloadText }).optional(),
});

/** Throws `invalid`, with every mistake. `name`: what the forge calls the event. */
export function parsePayload<T>(schema: z.ZodType<T>, json: unknown, name: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const details = { issues: z.prettifyError(parsed.error) };
  throw new AppError("invalid", `the body is not that of a ${name} event: ${z.prettifyError(parsed.error)}`, {
    details,
  });
}
