// An image's content as a CycloneDX 1.6 document. Source: cyclonedx.org/docs/1.6/json.

import { purl } from "../purl.ts";
import type { ImageContent, Package, System } from "./package.ts";

export interface SbomSubject {
  /** `registry:5000/acme/shop`. */
  readonly name: string;
  readonly digest: string;
  /** The commit's date: the same image gives the same document. */
  readonly date: Date;
  /** This program's. */
  readonly version: string;
}

/** Deterministic: sorted, without the time at which it was made, and numbered by the image's digest. */
export function cyclonedx(subject: SbomSubject, content: ImageContent): object {
  const { name, digest, date, version } = subject;
  const root = imagePurl(name, digest);
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: serialNumber(digest),
    version: 1,
    metadata: {
      timestamp: date.toISOString(),
      tools: { components: [{ type: "application", name: "mergedock", version }] },
      component: { type: "container", "bom-ref": root, name, version: digest, purl: root },
      ...(content.problems.length > 0 && { properties: problemProperties(content.problems) }),
    },
    components: [...toSystem(content.system), ...toComponents(content)],
    // Only dpkg's, apk's, npm's and pip's packages are looked for: of what else may be there nothing is said.
    compositions: [{ aggregate: content.problems.length > 0 ? "incomplete" : "unknown", assemblies: [root] }],
  };
}

/** How many packages a document names, by kind: `{ deb: 88, npm: 12 }`. Of what is no such document: nothing. */
export function countPackages(document: unknown): Record<string, number> {
  const { components } = (document ?? {}) as { components?: readonly { readonly purl?: unknown }[] }; // read with care below
  const counts: Record<string, number> = {};
  for (const component of Array.isArray(components) ? components : []) {
    const kind = /^pkg:([a-z]+)\//.exec(String(component?.purl ?? ""))?.[1];
    if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** What a document says that it lacks. */
export function problemsOf(document: unknown): string[] {
  // Read with care: it may be anything.
  const { metadata } = (document ?? {}) as {
    metadata?: { properties?: readonly { name?: unknown; value?: unknown }[] };
  };
  const properties = Array.isArray(metadata?.properties) ? metadata.properties : [];
  return properties.filter((one) => one?.name === incomplete).map(({ value }) => String(value));
}

const incomplete = "mergedock:incomplete";
const problemsMax = 20;

function problemProperties(problems: readonly string[]): object[] {
  const rest = problems.length - problemsMax;
  const shown = rest > 0 ? [...problems.slice(0, problemsMax), `and ${rest} more`] : problems;
  return shown.map((value) => ({ name: incomplete, value }));
}

/** The first 122 bits of the digest as a UUID of version 8. Source: RFC 9562, section 5.8. */
function serialNumber(digest: string): string {
  const hex = digest.slice(digest.indexOf(":") + 1);
  const variant = "89ab"[Number.parseInt(hex[15] ?? "0", 16) % 4];
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(12, 15)}`,
    `${variant}${hex.slice(16, 19)}`,
    hex.slice(19, 31),
  ];
  return `urn:uuid:${parts.join("-")}`;
}

function imagePurl(name: string, digest: string): string {
  const last = name.split("/").at(-1) ?? name;
  return purl({ type: "oci", name: last, version: digest, qualifiers: { repository_url: name } });
}

function toSystem(system: System | null): object[] {
  if (system === null) return [];
  const { id: name, versionId } = system;
  return [
    { type: "operating-system", "bom-ref": `os:${name}`, name, ...(versionId !== null && { version: versionId }) },
  ];
}

/** One for each package URL, with every place where it was found. */
function toComponents({ packages, system }: ImageContent): object[] {
  const places = new Map<string, { readonly found: Package; readonly paths: Set<string> }>();
  for (const { path, ...found } of packages) {
    const key = packagePurl(found, system);
    const place = places.get(key) ?? { found, paths: new Set() };
    place.paths.add(path);
    places.set(key, place);
  }
  const sorted = [...places].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([ref, { found, paths }]) => {
    const { scope, name } = splitScope(found);
    return {
      type: "library",
      "bom-ref": ref,
      ...(scope !== null && { group: scope }),
      ...{ name, version: found.version, purl: ref },
      evidence: { occurrences: [...paths].sort().map((path) => ({ location: `/${path}` })) },
    };
  });
}

function packagePurl(found: Package, system: System | null): string {
  const { kind, version, arch, source } = found;
  const { scope, name } = splitScope(found);
  if (kind === "npm") return purl({ type: "npm", namespace: scope, name, version });
  // PyPI takes - and _ for the same, in any case of letters.
  if (kind === "pypi") return purl({ type: "pypi", name: name.toLowerCase().replaceAll("_", "-"), version });
  const vendor = system?.id ?? (kind === "deb" ? "debian" : "alpine");
  const distro = system?.versionId == null ? null : `${system.id}-${system.versionId}`;
  const qualifiers = { arch, distro, upstream: source };
  return purl({ type: kind, namespace: vendor, name: name.toLowerCase(), version, qualifiers });
}

function splitScope({ kind, name }: Package): { readonly scope: string | null; readonly name: string } {
  const slash = name.indexOf("/");
  if (kind !== "npm" || !name.startsWith("@") || slash < 0) return { scope: null, name };
  return { scope: name.slice(0, slash), name: name.slice(slash + 1) };
}
