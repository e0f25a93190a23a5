// A recipe says how one image is made; a repository's rules say which merges are built and from which recipes.

import type { Access } from "./access.ts";
import type { BaseImage } from "./build.ts";
import type { ForgeSettings, ReportSettings } from "./forge-settings.ts";
import type { FixedFields, ForbiddenField } from "./server-fields.ts";
import type { ImageType, Service } from "./service.ts";

/** In order one at a time; the newest of those that wait replaces the others; or all at once. */
export const concurrencies = ["queue", "supersede", "parallel"] as const;
export type Concurrency = (typeof concurrencies)[number];

/** What people write into a pull request that needs no build. */
export const usualSkipDirectives = ["[skip ci]", "[ci skip]", "[no ci]", "[skip mergedock]"] as const;

/** A repository that the operator allowed: the URL comes from here and never from a payload. */
export interface Repository {
  /** `owner/name`, as the forge spells it. */
  readonly name: string;
  readonly url: string;
  /** Null: anybody may read it. */
  readonly access: Access | null;
  readonly forge: ForgeSettings;
  readonly report: ReportSettings;
  /** Whether comments such as `/mergedock rebuild` are obeyed. */
  readonly commands: boolean;
  /** From where submodules may come: `host` or `host/folder`. Null: they are left out. */
  readonly submoduleHosts: readonly string[] | null;
  /** From where the objects of LFS may come. Null: files stay the pointers that they are in git. */
  readonly lfsHosts: readonly string[] | null;
  /** Patterns of base branches: `main`, `release/*`. The first one without `*` or `?` is built where a request names no ref. */
  readonly branches: readonly string[];
  /** Null where the repository's own file says which. */
  readonly services: readonly Service[] | null;
  /** What of each image is the operator's to say, and what the repository's own file must not say at all. */
  readonly fixed: FixedFields;
  readonly forbidden: readonly ForbiddenField[];
  /** Null where the repository's own file says it. */
  readonly concurrency: Concurrency | null;
  /** The file of each secret by its name; read when a step needs it. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Patterns of files, `!` before those that are left out; a merge that changes none of them is not built. Empty: all files. */
  readonly paths: readonly string[];
  /** A merge needs one of these. Empty: none is needed. */
  readonly labels: readonly string[];
  /** A merge with one of these is not built. */
  readonly labelsIgnore: readonly string[];
  /** Whether a pull request that was merged as a draft is built. */
  readonly drafts: boolean;
  /** A pull request with one of these in its title or body is not built; in any case of letters. */
  readonly skipDirectives: readonly string[];
  /** Registries that its images may be FROM, and hosts that ADD may fetch from; null: what holds for all repositories. */
  readonly baseRegistries: readonly string[] | null;
  readonly addHosts: readonly string[] | null;
}

/** One image of a plan: from which context it is built, and under which names it is stored. */
export interface Recipe
  extends Pick<Service, "context" | "dockerfile" | "target" | "args" | "secrets" | "needs" | "noCache" | "pushTo"> {
  readonly service: string;
  readonly type: ImageType;
  /** Repository path inside the registry, without host: `acme/shop` or `acme/shop/cart`. */
  readonly image: string;
  /** At least one. The first one is the image's version. */
  readonly tags: readonly [string, ...string[]];
  /** Of the tags: those that name one content for ever, such as 1.2.3. */
  readonly fixedTags: readonly string[];
  /** Of the tags: those that move to later commits only, such as latest. All others just move. */
  readonly forwardTags: readonly string[];
  /** What a rule would have given, and why it does not. */
  readonly tagNotes: readonly string[];
  /** Of the image's configuration. */
  readonly labels: Readonly<Record<string, string>>;
  /** Those of them that the recipe's author wrote. */
  readonly ownLabels: Readonly<Record<string, string>>;
  /** Of the manifest. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** An image of the same repository that a recipe is FROM. `digest`: as a base image has it. */
export interface NeededImage extends BaseImage {
  readonly service: string;
  /** The build argument that names it. */
  readonly argument: string;
}
