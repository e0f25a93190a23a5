// Takes the name of an image apart. Source: OCI distribution specification 1.1; github.com/distribution/reference.

import { AppError } from "./errors.ts";
import { isDigest, isTag } from "./image-ref.ts";

export interface ImageReference {
  /** `localhost:5000` */
  readonly host: string;
  /** `acme/shop` */
  readonly path: string;
  /** `latest` where neither tag nor digest is given. */
  readonly tag: string | null;
  readonly digest: string | null;
}

const pathPattern = /^[a-z0-9]+(?:(?:[._]|__|-+|\/)[a-z0-9]+)*$/;

/** Throws `invalid`. The host has to be written: here no registry is the one that is meant when none is named. */
export function parseReference(text: string): ImageReference {
  const at = text.indexOf("@");
  const digest = at < 0 ? null : text.slice(at + 1);
  const name = at < 0 ? text : text.slice(0, at);
  const slash = name.indexOf("/");
  const colon = name.indexOf(":", name.lastIndexOf("/"));
  const host = name.slice(0, Math.max(slash, 0));
  const path = name.slice(slash + 1, colon < 0 ? undefined : colon);
  const tag = colon < 0 ? null : name.slice(colon + 1);
  const isHost = /^[A-Za-z0-9.-]+(?::\d{1,5})?$/.test(host) && (/[.:]/.test(host) || host === "localhost");
  const isWhole =
    isHost && pathPattern.test(path) && (tag === null || isTag(tag)) && (digest === null || isDigest(digest));
  if (!isWhole) {
    const example = "registry.example.com/acme/shop:1.2.0 or localhost:5000/acme/shop@sha256:…";
    throw new AppError("invalid", `"${text}" is not the whole name of an image, such as ${example}`);
  }
  return { host, path, tag: tag ?? (digest === null ? "latest" : null), digest };
}
