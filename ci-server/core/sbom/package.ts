// What an image's layers say of the packages in it: a package, a system, and what one layer adds and takes away.

import { z } from "zod";

export const packageKinds = ["deb", "apk", "npm", "pypi"] as const;

const foundPackage = z.strictObject({
  kind: z.enum(packageKinds),
  /** As its own package manager spells it. */
  name: z.string().min(1),
  version: z.string().min(1),
  arch: z.string().nullable(),
  /** The source package that it was made from, where that has another name or version: `glibc`, `glibc@2.36-9`. */
  source: z.string().nullable(),
});
export type Package = z.infer<typeof foundPackage>;

const system = z.strictObject({
  /** `debian`, `alpine`: ID of os-release. */
  id: z.string(),
  versionId: z.string().nullable(),
});
export type System = z.infer<typeof system>;

/** Paths are relative to the image's root, without a leading `/` or `./`. */
export const layerContent = z.strictObject({
  /** Of the files that describe packages or the system, what each says. */
  files: z.array(z.strictObject({ path: z.string(), packages: z.array(foundPackage), system: system.nullable() })),
  /** Files and folders of lower layers that this one removes. */
  removed: z.array(z.string()),
  /** Folders of which nothing of lower layers is left. */
  emptied: z.array(z.string()),
  /** What could not be read, and why. Empty: everything was. */
  problems: z.array(z.string()),
});
export type LayerContent = z.infer<typeof layerContent>;

/** What an image holds once its layers are put upon one another. */
export interface ImageContent {
  readonly packages: readonly (Package & { readonly path: string })[];
  readonly system: System | null;
  readonly problems: readonly string[];
}
