// What a forge says of a repository itself: one line on what it is for, and its licence.

import { cleanText } from "./clean-text.ts";

/** Both come from a signed payload, and stand in the labels of images. Null where the forge says nothing. */
export interface RepositoryAbout {
  /** One line. */
  readonly description: string | null;
  /** As SPDX names it: `MIT`; GitHub says `NOASSERTION` of one that it does not know. */
  readonly license: string | null;
}

/** GitHub takes 350 characters. */
const descriptionLengthMax = 500;
/** Source: SPDX specification 2.3, annex D: an identifier, or an expression of several. */
const licensePattern = /^[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*$/;
const licenseLengthMax = 200;

/** What can stand in a label, whatever was sent: no line breaks, nothing that turns the text around, no end of its own. */
export function repositoryAbout(said: { readonly description: unknown; readonly license: unknown }): RepositoryAbout {
  return { description: toDescription(said.description), license: toLicense(said.license) };
}

function toDescription(said: unknown): string | null {
  if (typeof said !== "string") return null;
  // Long before it is long: a payload may have megabytes of it.
  const text = cleanText(said.slice(0, 10 * descriptionLengthMax));
  const line = text
    .replace(/\p{Bidi_Control}/gu, "")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  return [...line].slice(0, descriptionLengthMax).join("").trim() || null;
}

function toLicense(said: unknown): string | null {
  return typeof said === "string" && said.length <= licenseLengthMax && licensePattern.test(said) ? said : null;
}
