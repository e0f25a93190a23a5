// An answer over HTTP, read whole and no further than a limit: what answers under a forge's address may be anything.

import { AppError } from "../../core/errors.ts";

const bodiless = new Set([204, 205, 304]);

/** Throws `invalid`. */
export async function readBounded(input: string, init: RequestInit, bytesMax: number): Promise<Response> {
  const response = await fetch(input, init);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax)
      throw new AppError(
        "invalid",
        `${new URL(input).origin} answers with more than ${bytesMax} bytes (limits.forge_answer_bytes_max)`,
      );
    chunks.push(chunk);
  }
  const body = bodiless.has(response.status) ? null : Buffer.concat(chunks);
  return new Response(body, { status: response.status, headers: response.headers });
}
