// An answer over HTTP, read whole and no further than a limit: what answers under a forge's address may be anything.

import { readAtMost } from "../../adapters/bounded-stream.ts";
import { AppError } from "../../core/errors.ts";

const bodiless = new Set([204, 205, 304]);

/** Throws `invalid`. */
export async function readBounded(input: string, init: RequestInit, bytesMax: number): Promise<Response> {
  const response = await fetch(input, init);
  const bytes = await readAtMost(response.body, bytesMax);
  if (bytes === null)
    throw new AppError(
      "invalid",
      `${new URL(input).origin} answers with more than ${bytesMax} bytes (limits.forge_answer_bytes_max)`,
    );
  const body = bodiless.has(response.status) ? null : bytes;
  return new Response(body, { status: response.status, headers: response.headers });
}
