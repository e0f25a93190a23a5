// What the deliveries of all forges have in common: a signature over bytes, headers of which few are kept, JSON or a form.

import { createHmac, timingSafeEqual } from "node:crypto";
import { AppError } from "../core/errors.ts";
import type { ForgeRequest } from "../core/ports.ts";
import { secretIdOf } from "./secret-id.ts";

/** What the names of headers say: an id, and an event. */
export const guidPattern = /^[A-Za-z0-9-]{1,64}$/;
export const eventPattern = /^[a-z0-9_]{1,64}$/;

/**
 * Compares in constant time with each secret, and with all of them whatever the outcome; says which one fitted by the beginning of
 * its SHA-256, or null. `signature`: HMAC-SHA256 in hex, 64 characters. `signed`: any of these bytes may be what was signed.
 */
export function fittingSecret(
  secrets: readonly string[],
  signature: string,
  ...signed: readonly Uint8Array[]
): string | null {
  const bytes = Buffer.from(signature, "hex");
  const fits = secrets.filter((secret) => signed.filter((body) => isSignedBy(secret, bytes, body)).length > 0);
  return fits[0] === undefined ? null : secretIdOf(fits[0]);
}

function isSignedBy(secret: string, signature: Uint8Array, body: Uint8Array): boolean {
  return timingSafeEqual(createHmac("sha256", secret).update(body).digest(), signature);
}

/** Those that are named and came. */
export function keepAllowed(headers: ForgeRequest["headers"], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

export function requireHeader(headers: ForgeRequest["headers"], name: string, pattern: RegExp): string {
  const value = headers[name];
  if (value === undefined || !pattern.test(value))
    throw new AppError("invalid", `the header ${name} is missing or malformed`);
  return value;
}

/** JSON, or a form with the JSON in its field `payload`. Throws `invalid`, `unsupported`. */
export function parseWebhookBody(contentType: string, body: Uint8Array): unknown {
  const json = decode(body);
  const type = mediaType(contentType);
  if (type === "application/json") return parseJson(json);
  if (type === formType) return parseJson(new URLSearchParams(json).get("payload") ?? "");
  throw new AppError("unsupported", `content type "${type}" is not one of application/json, ${formType}`);
}

export const formType = "application/x-www-form-urlencoded";

export function mediaType(contentType: string): string | undefined {
  return contentType.split(";")[0]?.trim().toLowerCase();
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new AppError("invalid", "the body is not UTF-8", { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid", "the body is not JSON", { cause });
  }
}
