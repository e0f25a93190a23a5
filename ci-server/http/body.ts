// Reads the bytes of a webhook into memory that grows with what arrives, and is given back without waiting for a collection.

import type { IncomingMessage } from "node:http";
import { AppError } from "../core/errors.ts";

export interface BodyLimits {
  readonly bodyBytesMax: number;
  /** Of all bodies that are here and not answered yet. */
  readonly inFlightBytesMax: number;
}

/** Bytes of bodies that are here and not answered yet. */
export interface Budget {
  bytes: number;
}

export interface Body {
  readonly bytes: Uint8Array;
  /** For a body that nobody looks at any more: it is empty after that. */
  free(): void;
}

/** The rest is one allocation; larger ones grow in place, page by page. */
const smallBytes = 64 * 1024;

/**
 * Bytes count from when they arrive until their request is answered: who only announces them takes nothing from others.
 * `announced`: what Content-Length says. Throws `too_large`, `unavailable` (too many are on their way), `invalid`.
 */
export async function readBody(
  request: IncomingMessage,
  announced: number | undefined,
  limits: BodyLimits,
  budget: Budget,
): Promise<Body> {
  const { bodyBytesMax, inFlightBytesMax } = limits;
  if ((announced ?? 0) > bodyBytesMax) throw tooLarge(bodyBytesMax);
  const memory = reserve(announced ?? bodyBytesMax);
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      budget.bytes += chunk.length;
      if (length > bodyBytesMax) throw tooLarge(bodyBytesMax);
      if (budget.bytes > inFlightBytesMax)
        throw new AppError("unavailable", "too many bytes are on their way; send it again later");
      append(memory, length, chunk);
    }
    return { bytes: new Uint8Array(memory, 0, length), free: () => free(memory) };
  } catch (cause) {
    budget.bytes -= length;
    free(memory);
    throw cause instanceof AppError ? cause : new AppError("invalid", "the body did not arrive whole", { cause });
  }
}

function reserve(bytes: number): ArrayBuffer {
  return bytes <= smallBytes ? new ArrayBuffer(bytes) : new ArrayBuffer(0, { maxByteLength: bytes });
}

function append(memory: ArrayBuffer, length: number, chunk: Buffer): void {
  if (memory.resizable) memory.resize(length);
  new Uint8Array(memory).set(chunk, length - chunk.length);
  // Under a flood the collector comes too late: what was copied is let go of here, unless it is part of a shared pool.
  if (chunk.buffer instanceof ArrayBuffer && chunk.buffer.byteLength === chunk.length) chunk.buffer.transfer(0);
}

function free(memory: ArrayBuffer): void {
  if (memory.resizable) memory.resize(0);
}

function tooLarge(limit: number): AppError {
  return new AppError("too_large", `the body is larger than ${limit} bytes (limits.body_bytes_max)`);
}
