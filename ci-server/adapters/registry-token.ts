// The token that a registry asks for: where it is to be had, and what came from there.
// Source: distribution.github.io, "Token Authentication Specification".

import { AppError } from "../core/errors.ts";
import { isPublicHost } from "../core/public-host.ts";

/** What a token lasts when nobody says how long. */
const tokenSecondsMin = 60;

export interface Token {
  readonly value: string;
  /** On the clock of `performance.now()`. */
  readonly untilMs: number;
}

export interface Challenge {
  readonly realm: string;
  readonly service: string | null;
}

/** Null where it is not the token flow: the password was wrong, or there was none. */
export function parseChallenge(header: string | undefined): Challenge | null {
  if (header === undefined || !/^bearer\s/i.test(header)) return null;
  const fields = [...header.matchAll(/([a-z]+)="([^"]*)"/gi)];
  const values = new Map(fields.map(([, name = "", value = ""]) => [name.toLowerCase(), value]));
  const realm = values.get("realm");
  return realm === undefined ? null : { realm, service: values.get("service") ?? null };
}

export interface TokenRequest {
  readonly host: string;
  readonly path: string;
  readonly mayBePrivate: boolean;
}

/** Throws `invalid` for a place where nobody should be sent: anybody may run a registry. */
export function tokenUrl({ realm, service }: Challenge, { host, path, mayBePrivate }: TokenRequest): URL {
  const url = URL.parse(realm);
  if (url === null || url.protocol !== "https:" || !(mayBePrivate || isPublicHost(url.hostname))) {
    const message = `the registry ${host} wants a token from ${realm.slice(0, 200)}; it has to be https:// at a public name`;
    throw new AppError("invalid", message);
  }
  if (service !== null) url.searchParams.set("service", service);
  url.searchParams.set("scope", `repository:${path}:pull`);
  return url;
}

/** Null when it is none. */
export function readToken(text: string): Token | null {
  const json = parseJson(text);
  const value = json.token ?? json.access_token;
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) return null;
  const seconds = Math.max(tokenSecondsMin, Number(json.expires_in) || 0) - tokenSecondsMin / 2;
  return { value, untilMs: performance.now() + seconds * 1000 };
}

interface TokenJson {
  readonly token?: unknown;
  readonly access_token?: unknown;
  readonly expires_in?: unknown;
}

function parseJson(text: string): TokenJson {
  try {
    return Object(JSON.parse(text));
  } catch (_notJson) {
    return {};
  }
}
