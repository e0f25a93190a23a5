// The names of images as a Dockerfile writes them: `node:24`, `ghcr.io/acme/base@sha256:…`.
// Source: github.com/distribution/reference, "normalize.go"; without a host it is Docker Hub's.

import { isDigest, isTag } from "./image-ref.ts";

export interface BaseReference {
  /** Lower case, with the port where one is written: `docker.io`, `localhost:5000`. */
  readonly host: string;
  /** `library/node`. */
  readonly path: string;
  /** `latest` where neither a tag nor a digest is written. */
  readonly tag: string | null;
  readonly digest: string | null;
}

export const dockerHub = "docker.io";

const label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const hostPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-f:]+\\])(?::\\d{1,5})?$`);
const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const charsMax = 500;

/** Null when it is not the name of an image. */
export function parseBaseReference(text: string): BaseReference | null {
  if (text.length > charsMax || /^[0-9a-f]{64}$/.test(text)) return null;
  const [name = "", digest = null, ...more] = text.split("@");
  const { host, rest } = splitHost(name);
  const colon = rest.indexOf(":");
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? null : rest.slice(colon + 1);
  const whole = host === dockerHub && !path.includes("/") ? `library/${path}` : path;
  const isSound = hostPattern.test(host) && pathPattern.test(whole) && (tag === null || isTag(tag));
  if (!isSound || more.length > 0 || (digest !== null && !isDigest(digest))) return null;
  return { host, path: whole, tag: tag ?? (digest === null ? "latest" : null), digest };
}

/** What stands before the first `/` is a host only where it cannot be anything else. */
function splitHost(name: string): { readonly host: string; readonly rest: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  if (!isHost) return { host: dockerHub, rest: name };
  const host = first.toLowerCase();
  return { host: host === "index.docker.io" ? dockerHub : host, rest: name.slice(slash + 1) };
}

/** The name in full, as an engine and a registry both read it. */
export function fullName({ host, path, tag, digest }: BaseReference): string {
  return `${host}/${path}${tag === null ? "" : `:${tag}`}${digest === null ? "" : `@${digest}`}`;
}
