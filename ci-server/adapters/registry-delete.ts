// Removes tags and manifests by the registry's own API. Source: OCI distribution specification 1.1, "Content Management"
// and "Referrers Tag Schema". Disk space comes back when the registry collects its garbage: see registry/README.md.

import { AppError } from "../core/errors.ts";
import { isDigest } from "../core/image-ref.ts";
import type { RegistryContents, TagRemoval } from "../core/ports.ts";
import type { NamedTag } from "../core/registry-stock.ts";
import { type RegistryAnswer, type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";
import { accept, getManifest, parseManifest, type StoredManifest } from "./registry-manifest.ts";

const tagsOfPage = 1_000;
/** A registry whose pages have no end is given up here. */
const pagesMax = 1_000;
const headsAtOnce = 8;

export function createRegistryContents(registry: RegistryHttp): RegistryContents {
  return {
    tags: (path, signal) => listTags({ registry, path, signal }),
    named: (path, tags, signal) => nameTags({ registry, path, signal }, tags),
    removeTag: (path, tag, signal) => removeTag({ registry, path, signal }, tag),
    removeManifest: (path, manifest, signal) => removeManifest({ registry, path, signal }, manifest),
  };
}

interface Place {
  readonly registry: RegistryHttp;
  readonly path: string;
  readonly signal: AbortSignal;
}

function call(
  { registry, path: image, signal }: Place,
  method: "GET" | "HEAD" | "DELETE",
  path: string,
): Promise<RegistryAnswer> {
  const scope = `repository:${image}:${method === "DELETE" ? "delete" : "pull"}`;
  return registry.read({ method, path, scope, headers: { accept }, signal });
}

/** Page by page, as far as the registry has pages: Distribution 2.8 sends all at once, Zot a Link to the next one. */
async function listTags(place: Place): Promise<string[]> {
  const all = new Set<string>();
  let url: string | null = `/v2/${place.path}/tags/list?n=${tagsOfPage}`;
  for (let page = 0; url !== null; page += 1) {
    if (page >= pagesMax)
      throw new AppError("unavailable", `the tags of ${place.path} have more than ${pagesMax} pages`);
    const answer: RegistryAnswer = await call(place, "GET", url);
    if (answer.status === 404) return [...all];
    if (answer.status !== 200) throw unexpectedAnswer(answer, `the list of the tags of ${place.path}`);
    const { tags } = JSON.parse(answer.body.toString("utf8")) as { readonly tags: readonly string[] | null }; // null when there are none
    for (const tag of tags ?? []) all.add(tag);
    url = nextPage(answer.headers.link);
  }
  return [...all];
}

/** Source: RFC 8288. Only the path counts: no other host is asked. */
function nextPage(link: string | string[] | undefined): string | null {
  const target = /<([^>]+)>\s*;[^,]*rel="?next"?/i.exec([link].flat().join(", "))?.[1];
  const url = target === undefined ? null : URL.parse(target, "https://registry.invalid");
  return url === null ? null : `${url.pathname}${url.search}`;
}

async function nameTags(place: Place, tags: readonly string[]): Promise<NamedTag[]> {
  const named: NamedTag[] = [];
  for (let at = 0; at < tags.length; at += headsAtOnce) {
    const some = tags.slice(at, at + headsAtOnce);
    const digests = await Promise.all(some.map((tag) => digestOf(place, tag)));
    for (const [index, digest] of digests.entries())
      if (digest !== null) named.push({ tag: some[index] ?? "", digest });
  }
  return named;
}

async function digestOf(place: Place, tag: string): Promise<string | null> {
  const answer = await call(place, "HEAD", `/v2/${place.path}/manifests/${tag}`);
  if (answer.status === 404) return null;
  const digest = String(answer.headers["docker-content-digest"] ?? "");
  // Without knowing what it names, nothing of the path can be removed.
  if (answer.status !== 200 || !isDigest(digest)) throw unexpectedAnswer(answer, `HEAD ${place.path}:${tag}`);
  return digest;
}

/** Distribution 2.8 answers 400, since it removes manifests by digest only; others that cannot answer 405. */
async function removeTag(place: Place, { tag, digest }: NamedTag): Promise<TagRemoval> {
  const names = await digestOf(place, tag);
  if (names === null) return "removed";
  if (names !== digest) return "moved";
  const answer = await call(place, "DELETE", `/v2/${place.path}/manifests/${tag}`);
  if (answer.status === 400 || answer.status === 405) return "refused";
  if (answer.status !== 202 && answer.status !== 200 && answer.status !== 404)
    throw unexpectedAnswer(answer, `DELETE ${place.path}:${tag}`);
  return "removed";
}

async function removeManifest(
  place: Place,
  { digest, tags }: { readonly digest: string; readonly tags: readonly string[] },
): Promise<void> {
  await removeAttached(place, digest);
  // Zot wants the tags to go first; where they cannot go alone they go with the manifest.
  for (const tag of tags) if ((await removeTag(place, { tag, digest })) === "refused") break;
  await removeDigest(place, digest);
}

/** What lists statements about the manifest, and those of them that are about it: nobody can find them without it. */
async function removeAttached(place: Place, subject: string): Promise<void> {
  const { registry, path, signal } = place;
  const index = await getManifest(registry, path, subject.replace(":", "-"), signal);
  if (index === null) return;
  // Anybody may have written it.
  const listed = (parseManifest(index.bytes).manifests ?? []).map(({ digest }) => String(digest)).filter(isDigest);
  for (const digest of listed) {
    const found = await getManifest(registry, path, digest, signal);
    if (found !== null && isAbout(found, subject)) await removeDigest(place, digest);
  }
  await removeDigest(place, index.digest);
}

function isAbout({ bytes }: StoredManifest, subject: string): boolean {
  const { subject: of } = JSON.parse(bytes.toString("utf8")) as { readonly subject?: { readonly digest?: unknown } }; // of an image manifest 1.1
  return of?.digest === subject;
}

async function removeDigest(place: Place, digest: string): Promise<void> {
  const answer = await call(place, "DELETE", `/v2/${place.path}/manifests/${digest}`);
  if (answer.status === 405) {
    const help = "set storage.delete.enabled as registry/config.yml does (REGISTRY_STORAGE_DELETE_ENABLED=true)";
    throw new AppError("not_implemented", `the registry does not remove manifests; ${help}`);
  }
  if (answer.status !== 202 && answer.status !== 200 && answer.status !== 404)
    throw unexpectedAnswer(answer, `DELETE ${place.path}@${digest}`);
}
