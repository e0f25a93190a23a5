// What mergedock.yml may say: every field with its default, its limits and the sentence that says what is allowed.

import { z } from "zod";
import { observingFields, observingLimits } from "./config-observing-schema.ts";
import { recipeMistakes, recipeRules } from "./config-recipes.ts";
import { accessField, accessMistake } from "./core/access.ts";
import { imagePath, usualName } from "./core/image-ref.ts";
import { contextTransfers } from "./core/ports/builder.ts";
import { concurrencies, usualSkipDirectives } from "./core/recipe.ts";
import { filePattern, secretName, serviceFields, serviceName, toService } from "./core/service.ts";
import { hostsField, ownHost } from "./core/source-hosts.ts";

const address = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, "has to be host:port, such as 127.0.0.1:8080")
  .transform((text) => {
    const colon = text.lastIndexOf(":");
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, "has a port above 65535");

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

const word = z
  .string()
  .max(100)
  .refine((text) => text.trim() !== "", "must not be blank");

/** A registry beside our own: base images come from it, or images go there too. */
const otherRegistry = z
  .strictObject({
    host: z.string().regex(/^[A-Za-z0-9.-]+(?::\d{1,5})?$/, "has to be host or host:port, without https://"),
    username: z.string().min(1).optional(),
    password_file: z.string().min(1).optional(),
    ca_file: z.string().min(1).optional(),
  })
  .refine(
    ({ username, password_file }) => (username === undefined) === (password_file === undefined),
    "needs both username and password_file, or neither",
  );

/** `*`: any. */
const hosts = z
  .array(
    z.string().regex(/^(?:\*|(?:[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?)$/, "has to be host or host:port, or *"),
  )
  .max(200)
  .nullable()
  .default(null);

const repository = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9._-]+$/, "has to be owner/name, such as acme/shop")
      .refine((name) => isImagePath(name), "cannot be an image name: single . _ - between letters and digits only"),
    url: gitUrl,
    access: accessField.nullable().default(null),
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

/** By which the API is asked, beside loopback and the listener's own address. */
const hostNames = z
  .array(z.string().regex(/^(?:\[[0-9a-f:]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/, "has to be host or host:port"))
  .max(100)
  .default([]);

const seconds = (value: number) => z.number().int().positive().default(value);
const bytes = (value: number) => z.number().int().positive().default(value);

const limits = z.strictObject({
  body_bytes_max: bytes(25 * 1024 * 1024),
  in_flight_bytes_max: bytes(64 * 1024 * 1024),
  connections_max: z.number().int().positive().default(1_000),
  // Of streams of events, each of which keeps one of those connections: others need some too.
  viewers_max: z.number().int().positive().default(500),
  viewer_stall_seconds_max: seconds(60),
  viewer_silence_seconds_max: seconds(15),
  // The queue takes a build from its worker after twice this time, and after a day at most.
  build_seconds_max: z
    .number()
    .int()
    .positive()
    .max(43_200)
    .default(30 * 60),
  build_silence_seconds_max: seconds(10 * 60),
  drain_seconds_max: seconds(30),
  // 0: trouble is a result at once.
  trouble_seconds_max: z
    .number()
    .int()
    .nonnegative()
    .max(30 * 24 * 3600)
    .default(60 * 60),
  // Of each build, whatever its attempts.
  log_bytes_max: bytes(4 * 1024 * 1024),
  // Of a repository's own .mergedock.yml.
  recipe_file_bytes_max: z
    .number()
    .int()
    .positive()
    .max(1024 * 1024)
    .default(64 * 1024),
  // Of one build; each worker has one build.
  parallel_images_max: z.number().int().min(1).max(64).default(2),
  log_lines_max: z.number().int().positive().default(50_000),
  // Of all secrets of a build together: what is hidden in its log is kept in memory in several forms.
  secret_bytes_max: z
    .number()
    .int()
    .positive()
    .max(128 * 1024)
    .default(64 * 1024),
  ledger_days_max: z.number().int().min(1).max(36_500).default(90),
  ledger_bytes_max: bytes(1024 * 1024 * 1024),
  registry_seconds_max: seconds(30),
  // Of another registry, for the digest of a base image; after that the build goes on without it.
  base_registry_seconds_max: seconds(10),
  // Of each process. A lock of tags takes one, and its holder needs another.
  database_connections_max: z.number().int().min(6).max(1_000).default(12),
  queued_builds_max: z.number().int().positive().default(10_000),
  queued_builds_per_repository_max: z.number().int().positive().default(500),
  broken_attempts_max: z.number().int().min(1).max(100).default(5),
  attempts_max: z.number().int().min(1).max(20).default(5),
  // Of each layer of an image that is looked through for its SBOM: unpacked bytes, files, files that describe packages,
  // and the bytes of such a file.
  sbom_layer_bytes_max: bytes(4 * 1024 * 1024 * 1024),
  sbom_layer_entries_max: z.number().int().positive().default(1_000_000),
  sbom_layer_packages_max: z.number().int().positive().default(100_000),
  sbom_file_bytes_max: bytes(16 * 1024 * 1024),
  // Of layers that are remembered.
  sbom_cache_layers_max: z.number().int().positive().default(500),
  git_low_speed_bytes_per_second: bytes(1_000),
  git_low_speed_seconds_max: seconds(30),
  // One fetch, one download of LFS objects.
  git_seconds_max: seconds(15 * 60),
  // The files of one commit, with those of its submodules and of LFS; and what git keeps of a repository's history.
  repository_bytes_max: bytes(2 * 1024 ** 3),
  repository_files_max: z.number().int().positive().default(500_000),
  mirror_bytes_max: bytes(8 * 1024 ** 3),
  // 0: a build is begun however full the disk is.
  free_bytes_min: z
    .number()
    .int()
    .nonnegative()
    .default(2 * 1024 ** 3),
  engine_images_max: z.number().int().nonnegative().default(300),
  engine_cache_bytes_max: bytes(10 * 1024 ** 3),
  log_days_max: z.number().int().min(1).max(36_500).default(90),
  // Of one client: a token by its name, anybody else by the address. In each process.
  api_requests_per_minute_max: z.number().int().positive().default(600),
  failed_logins_per_minute_max: z.number().int().positive().default(10),
  session_days_max: z.number().int().min(1).max(366).default(7),
  sessions_per_token_max: z.number().int().positive().default(100),
  tokens_max: z.number().int().positive().default(1_000),
  audit_entries_max: z.number().int().positive().default(100_000),
  worktree_days_max: z.number().int().min(1).max(36_500).default(30),
  ...observingLimits,
});

/** Without it no image is removed from the registry. */
const retention = z.strictObject({
  keep_last: z.number().int().min(1, "has to leave an image of each branch").max(100_000),
  younger_than_days: z.number().int().nonnegative().max(36_500).default(14),
  keep_tags: z.array(word).max(100).default([]),
});

export const roles = ["all", "receiver", "worker"] as const;

export const configFile = z
  .strictObject({
    role: z.enum(roles, `has to be one of ${roles.join(", ")}`).default("all"),
    state_dir: z.string().min(1).default("state"),
    listen: z
      .strictObject({
        api: address.prefault("127.0.0.1:8080"),
        webhooks: address.prefault("127.0.0.1:8088"),
        hosts: hostNames,
      })
      .prefault({}),
    registry: z
      .strictObject({
        push_host: z
          .string()
          .regex(/^[A-Za-z0-9.-]+(?::\d{1,5})?$/, "has to be host or host:port, without https://")
          .default("localhost:5000"),
        api_url: z.url({ protocol: /^https$/, error: "has to be an https:// URL" }).default("https://localhost:5000"),
        ca_file: z.string().min(1).optional(),
        username: z.string().min(1).default("ci"),
        password_file: z.string().min(1).optional(),
      })
      .prefault({}),
    registries: z.array(otherRegistry).default([]),
    engine: z
      .strictObject({
        host: z
          .string()
          .regex(/^(?:unix:\/\/\/|tcp:\/\/)./, "has to be unix:///path or tcp://host:port")
          .default("unix:///var/run/docker.sock"),
        base_registries: hosts,
        add_hosts: hosts,
        dedicated: z.boolean().default(false),
        context_transfer: z.enum(contextTransfers, `has to be one of ${contextTransfers.join(", ")}`).default("sync"),
      })
      .prefault({}),
    // 0: nobody looks.
    base_watch: z
      .strictObject({
        every_seconds: z
          .number()
          .int()
          .nonnegative()
          .max(7 * 24 * 3600)
          .default(3_600),
      })
      .prefault({}),
    database: z.strictObject({ url_file: z.string().min(1).optional() }).prefault({}),
    webhooks: z.strictObject({ secrets_file: z.string().min(1).optional() }).prefault({}),
    admin: z.strictObject({ token_file: z.string().min(1).optional() }).prefault({}),
    tunnel: z.strictObject({ agent_url: z.url().default("http://127.0.0.1:4040") }).prefault({}),
    log: z
      .strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info") })
      .prefault({}),
    attestations: z
      .strictObject({
        // The environment's is text.
        enabled: z.union([z.boolean(), z.stringbool()], "has to be true or false").default(true),
        key_file: z.string().min(1).optional(),
        builder_id: z.url("has to be a URL, such as https://ci.example.com").optional(),
      })
      .prefault({}),
    ...observingFields,
    workers: z.number().int().min(1).max(64).default(2),
    limits: limits.prefault({}),
    retention: retention.optional(),
    repositories: z.array(repository).default([]),
  })
  .superRefine((value, ctx) => {
    reportTwice(ctx, value.repositories, "repositories");
    reportTwice(
      ctx,
      value.registries.map(({ host }) => ({ name: host })),
      "registries",
    );
    const allowed = { pushHost: value.registry.push_host, registryHosts: value.registries.map(({ host }) => host) };
    for (const [index, one] of value.repositories.entries())
      for (const { path, message } of recipeMistakes(one, allowed))
        ctx.addIssue({ code: "custom", path: ["repositories", index, ...path], message });
  });

/** What a dry run may change. */
export const changedConfig = z.strictObject({
  repositories: z.array(repository).superRefine((value, ctx) => reportTwice(ctx, value, "")),
});

export type ConfigFile = z.infer<typeof configFile>;

function reportTwice(ctx: z.RefinementCtx, entries: readonly { readonly name: string }[], field: string): void {
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
