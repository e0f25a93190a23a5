// Copies one blob from our own registry to another one, as a stream; what is there already is not sent.

import { AppError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { CopyRequest } from "../core/ports.ts";
import { type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";
import { scopeOf } from "./registry-manifest.ts";

export interface Way {
  readonly own: RegistryHttp;
  readonly other: RegistryHttp;
  /** Path at the other registry. */
  readonly path: string;
}

export interface Registries {
  readonly own: RegistryHttp;
  readonly others: readonly RegistryHttp[];
}

/** Throws `invalid` for a registry that is not among them. */
export function wayTo(destination: string, { own, others }: Registries): Way {
  const slash = destination.indexOf("/");
  const host = destination.slice(0, slash);
  const other = others.find((one) => one.host === host);
  if (other === undefined)
    throw new AppError("invalid", `registry ${host} is not configured; add it under "registries" in mergedock.yml`);
  return { own, other, path: destination.slice(slash + 1) };
}

type Copying = Way & Pick<CopyRequest, "image" | "destination" | "signal" | "log">;

export async function copyBlob(copying: Copying, { digest, size }: Descriptor): Promise<void> {
  const { own, other, image, path, signal, log, destination } = copying;
  const scope = scopeOf(path);
  const there = await other.read({ method: "HEAD", path: `/v2/${path}/blobs/${digest}`, scope, signal });
  if (there.status === 200) return;
  const begun = await other.read({ method: "POST", path: `/v2/${path}/blobs/uploads/`, scope, signal });
  const location = begun.headers.location;
  if (begun.status !== 202 || location === undefined) throw unexpectedAnswer(begun, `an upload to ${destination}`);
  const upload = new URL(location, new URL(`/v2/${path}/blobs/uploads/`, "https://registry.invalid"));
  upload.searchParams.set("digest", digest);
  const target = upload.host === "registry.invalid" ? `${upload.pathname}${upload.search}` : upload.href;
  const source = await own.open({ method: "GET", path: `/v2/${image}/blobs/${digest}`, scope: scopeOf(image), signal });
  if (source.statusCode !== 200) {
    source.destroy();
    throw new AppError("unavailable", `the registry answered blob ${digest} of ${image} with ${source.statusCode}`);
  }
  const headers = { "content-type": "application/octet-stream", "content-length": String(size) };
  const call = { method: "PUT", path: target, scope, headers, body: source, signal } as const;
  const answer = await other.read(call).finally(() => source.destroy());
  if (answer.status !== 201) throw unexpectedAnswer(answer, `blob ${digest} to ${destination}`);
  log(`${destination}: sent ${digest} (${size} bytes)`);
}
