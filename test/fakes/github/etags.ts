// Conditional requests: an answer that the asker has already is not given again, and costs nothing.
// Source: GitHub documentation, "Use conditional requests if appropriate"; RFC 9110.

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Answer } from "./routes.ts";

/** Gives answers to GET a tag, and 304 where it is one that the asker named. */
export function withTag({ method, headers }: IncomingMessage, answer: Answer): Answer {
  if (method !== "GET" || answer.status !== 200) return answer;
  const etag = `W/"${createHash("sha256").update(JSON.stringify(answer.body)).digest("hex")}"`;
  const known = (headers["if-none-match"] ?? "").split(",").map((one) => one.trim());
  const tagged = { ...answer.headers, etag };
  return known.includes(etag) ? { status: 304, headers: tagged } : { ...answer, headers: tagged };
}
