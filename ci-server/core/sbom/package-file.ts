// Which files of an image say what is in it, and who reads them.

import { parseApk } from "./apk.ts";
import { parseDpkg } from "./dpkg.ts";
import { parsePackageJson } from "./npm.ts";
import { parseOsRelease } from "./os-release.ts";
import type { LayerContent, Package } from "./package.ts";
import { parsePythonMetadata } from "./pip.ts";

type PackageFile = LayerContent["files"][number];

const readers: readonly { readonly pattern: RegExp; readonly read: (text: string) => Package[] }[] = [
  { pattern: /^var\/lib\/dpkg\/(?:status|status\.d\/(?!.*\.md5sums$)[^/]+)$/, read: parseDpkg },
  { pattern: /^(?:usr\/)?lib\/apk\/db\/installed$/, read: parseApk },
  // The root of a package and nothing below it: a package may bring files of that name as fixtures.
  { pattern: /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/, read: parsePackageJson },
  { pattern: /(?:^|\/)[^/]+\.(?:dist-info\/METADATA|egg-info\/PKG-INFO|egg-info)$/, read: parsePythonMetadata },
];
const osRelease = /^(?:etc|usr\/lib)\/os-release$/;

/** `path` without a leading `/` or `./`. */
export function isPackageFile(path: string): boolean {
  return osRelease.test(path) || readers.some(({ pattern }) => pattern.test(path));
}

/** Throws `invalid` when the text is not what the file's name says. */
export function readPackageFile(path: string, text: string): PackageFile {
  if (osRelease.test(path)) return { path, packages: [], system: parseOsRelease(text) };
  const reader = readers.find(({ pattern }) => pattern.test(path));
  return { path, packages: reader?.read(text) ?? [], system: null };
}
