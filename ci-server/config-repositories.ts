// What mergedock.yml may say of a repository.

import { z } from "zod";
import { recipeRules } from "./config-recipes.ts";
import { accessField, accessMistake } from "./core/access.ts";
import { forgeFields, toForge } from "./core/forge-settings.ts";
import { imagePath, usualName } from "./core/image-ref.ts";
import { concurrencies, usualSkipDirectives } from "./core/recipe.ts";
import { filePattern, secretName, serviceFields, serviceName, toService } from "./core/service.ts";
import { hostsField, ownHost } from "./core/source-hosts.ts";

/** https, or what the operator opens by writing it here; a user name or a password does not belong into a URL. */
const gitUrl = z
  .url("has to be a URL, such as https://github.com/acme/shop.git")
  .refine(
    (text) => ["https:", "http:", "ssh:"].includes(URL.parse(text)?.protocol ?? ""),
    "has to begin with https://, http:// or ssh://",
  )
  .refine((text) => hasNoCredentials(URL.parse(text)), "must not hold a password or a token");

/** It would stand in labels and logs. ssh has a user name that is none of a person's. */
function hasNoCredentials(url: URL | null): boolean {
  return url === null || (url.password === "" && (url.username === "" || url.protocol === "ssh:"));
}

const service = z.strictObject({ name: serviceName, ...serviceFields }).transform(toService);

export const word = z
  .string()
  .max(100)
  .refine((text) => text.trim() !== "", "must not be blank");

/** `*`: any. */
export const hosts = z
  .array(
    z.string().regex(/^(?:\*|(?:[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?)$/, "has to be host or host:port, or *"),
  )
  .max(200)
  .nullable()
  .default(null);

export const repository = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9._-]+$/, "has to be owner/name, such as acme/shop")
      .refine((name) => isImagePath(name), "cannot be an image name: single . _ - between letters and digits only"),
    url: gitUrl,
    access: accessField.nullable().default(null),
    ...forgeFields,
    submodules: z.boolean().default(false),
    submodule_hosts: hostsField,
    lfs: z.boolean().default(false),
    lfs_hosts: hostsField,
    branches: z.array(z.string().min(1).max(250)).min(1, "has to name a branch, such as main").default(["main"]),
    services: z.array(service).min(1, "has to list a service").optional(),
    concurrency: z.enum(concurrencies).nullable().default(null),
    ...recipeRules,
    secrets: z.record(secretName, z.string().min(1)).default({}),
    paths: z.array(filePattern).max(100).default([]),
    labels: z.array(word).max(100).default([]),
    labels_ignore: z.array(word).max(100).default([]),
    drafts: z.boolean().default(true),
    skip_directives: z
      .array(word)
      .max(100)
      .default([...usualSkipDirectives]),
    base_registries: hosts,
    add_hosts: hosts,
  })
  .transform(({ base_registries: baseRegistries, add_hosts: addHosts, ...value }) => ({
    ...{ ...value, baseRegistries, addHosts },
  }))
  .transform(({ forge, api, ...value }) => ({ ...value, forge: toForge({ forge, api }) }))
  .transform(({ submodules, submodule_hosts, lfs, lfs_hosts, ...value }) => ({
    ...value,
    submoduleHosts: submodules ? (submodule_hosts ?? ownHost(value.url)) : null,
    lfsHosts: lfs ? (lfs_hosts ?? ownHost(value.url)) : null,
  }))
  .transform(({ labels_ignore: labelsIgnore, skip_directives: skipDirectives, ...value }) => ({
    ...value,
    labelsIgnore,
    skipDirectives,
    // Without services the repository's own file says which there are.
    services: value.services ?? null,
  }))
  .superRefine((value, ctx) => {
    reportTwice(ctx, value.services ?? [], "services");
    const mistake = value.access === null ? null : accessMistake(value.access, value.url);
    if (mistake !== null) ctx.addIssue({ code: "custom", path: ["access"], message: mistake });
    if (value.lfsHosts !== null && !/^https?:/.test(value.url))
      ctx.addIssue({ code: "custom", path: ["lfs"], message: "needs a url that begins with https://" });
  });

export function reportTwice(ctx: z.RefinementCtx, entries: readonly { readonly name: string }[], field: string): void {
  const seen = new Set<string>();
  for (const [index, { name }] of entries.entries()) {
    if (seen.has(name.toLowerCase()))
      ctx.addIssue({ code: "custom", path: [field, index, "name"], message: "stands here twice" });
    seen.add(name.toLowerCase());
  }
}

function isImagePath(name: string): boolean {
  try {
    imagePath(name, usualName(name));
    return true;
  } catch {
    return false;
  }
}
