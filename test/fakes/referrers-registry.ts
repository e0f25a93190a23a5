// A registry with the referrers API, as Zot has it: the lab's registry does not, and Zot cannot be had where the tests run.
// It keeps which manifests were stored with a subject, and passes everything else on to the lab's registry.
// Source: OCI distribution specification 1.1, "Pushing Manifests with Subject", "Listing Referrers".

import type { RegistryHttp } from "../../ci-server/adapters/registry-http.ts";
import { getManifest } from "../../ci-server/adapters/registry-manifest.ts";
import { labRegistryHttp } from "../helpers/artifact-samples.ts";
import type { Lab } from "../helpers/lab.ts";
import { type LabProxy, proxyRegistry } from "../helpers/lab-proxies.ts";

interface Stored {
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: { readonly digest: string };
}

export interface ReferrersRegistry extends LabProxy {
  /** What was asked of it, method and path. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** `folder`: for its certificates. It answers in pages of one, so that its readers have to follow them. */
export async function startReferrersRegistry(lab: Lab, folder: string): Promise<ReferrersRegistry> {
  const bySubject = new Map<string, object[]>();
  const asked: string[] = [];
  const http = await labRegistryHttp(lab);
  const front = await proxyRegistry(lab, folder, async ({ method, path }, truth) => {
    asked.push(`${method} ${path}`);
    const [, image = "", digest = ""] = /^\/v2\/(.+)\/(?:manifests|referrers)\/(sha256:[0-9a-f]{64})/.exec(path) ?? [];
    if (method === "GET" && path.includes("/referrers/")) return page(bySubject.get(image + digest) ?? [], path);
    if (method !== "PUT" || digest === "" || truth.status !== 201) return null;
    const bytes = await read(http, image, digest);
    const { mediaType, artifactType, annotations, subject } = JSON.parse(bytes.toString("utf8")) as Stored; // just stored
    if (subject === undefined) return null;
    const listed = bySubject.get(image + subject.digest) ?? [];
    if (!JSON.stringify(listed).includes(digest))
      listed.push({ mediaType, digest, size: bytes.length, artifactType, annotations });
    bySubject.set(image + subject.digest, listed);
    return { ...truth, headers: { "OCI-Subject": subject.digest } };
  });
  return { ...front, asked, stop: () => front.proxy.stop().finally(http.close) };
}

function page(all: readonly object[], path: string) {
  const at = Number(/[?&]last=(\d+)/.exec(path)?.[1] ?? 0);
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: all.slice(at, at + 1) }));
  const next = `<${path.split("?")[0]}?last=${at + 1}>; rel="next"`;
  return { status: 200, body, headers: { "content-type": mediaType, ...(at + 1 < all.length && { link: next }) } };
}

async function read(http: RegistryHttp, image: string, digest: string): Promise<Buffer> {
  const found = await getManifest(http, image, digest, new AbortController().signal);
  return found?.bytes ?? Buffer.from("{}");
}
