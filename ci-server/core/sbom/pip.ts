// An installed Python package: *.dist-info/METADATA, *.egg-info/PKG-INFO. Source: packaging.python.org, core metadata.

import type { Package } from "./package.ts";
import { paragraphs } from "./paragraphs.ts";

const wanted = new Set(["Name", "Version"]);

/** The headers end at the first blank line; the description behind it may say anything. */
export function parsePythonMetadata(text: string): Package[] {
  const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length;
  const [fields] = paragraphs(text.slice(0, end), wanted);
  const [name, version] = [fields?.get("Name"), fields?.get("Version")];
  return name && version ? [{ kind: "pypi", name, version, arch: null, source: null }] : [];
}
