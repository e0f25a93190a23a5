// Package URLs: one line that names a package of any ecosystem. Source: package-url specification (ECMA-427) and its types.

export interface PurlParts {
  readonly type: string;
  readonly namespace?: string | null;
  readonly name: string;
  readonly version?: string | null;
  /** Those without a value are left out. */
  readonly qualifiers?: Readonly<Record<string, string | null>>;
}

/** `pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12`: the same parts give the same text. */
export function purl({ type, namespace = null, name, version = null, qualifiers = {} }: PurlParts): string {
  const path = [...(namespace?.split("/") ?? []), name].map(encode).join("/");
  const query = Object.entries(qualifiers)
    .filter((pair): pair is [string, string] => pair[1] !== null && pair[1] !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${encode(value)}`)
    .join("&");
  return `pkg:${type}/${path}${version === null ? "" : `@${encode(version)}`}${query && `?${query}`}`;
}

/** All but letters, digits, `.-_~` and the colon. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%3A", ":");
}
