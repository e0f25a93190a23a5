// What mergedock.yml may say: every field with its default, its limits and the sentence that says what is allowed.

import { z } from "zod";
import { imagePath } from "./core/image-ref.ts";
import { concurrencies, usualSkipDirectives } from "./core/recipe.ts";
import { filePattern, serviceFields, serviceName, toService, usualService } from "./core/service.ts";

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

const repository = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9._-]+$/, "has to be owner/name, such as acme/shop")
      .refine((name) => isImagePath(name), "cannot be an image name: single . _ - between letters and digits only"),
    url: gitUrl,
    branches: z.array(z.string().min(1).max(250)).min(1, "has to name a branch, such as main").default(["main"]),
    services: z.array(service).min(1, "has to list a service").optional(),
    concurrency: z.enum(concurrencies).default("queue"),
    secrets: z
      .record(
        z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "has to be letters, digits, . _ -"),
        z.string().min(1),
      )
      .default({}),
    paths: z.array(filePattern).max(100).default([]),
    labels: z.array(word).max(100).default([]),
    labels_ignore: z.array(word).max(100).default([]),
    drafts: z.boolean().default(true),
    skip_directives: z
      .array(word)
      .max(100)
      .default([...usualSkipDirectives]),
  })
  .transform(({ labels_ignore: labelsIgnore, skip_directives: skipDirectives, ...value }) => ({
    ...value,
    labelsIgnore,
    skipDirectives,
    // Without services a repository is one image of its own name.
    services: value.services ?? [usualService(lastSegment(value.name))],
  }))
  .superRefine((value, ctx) => reportTwice(ctx, value.services, "services"));

const seconds = (value: number) => z.number().int().positive().default(value);
const bytes = (value: number) => z.number().int().positive().default(value);

const limits = z.strictObject({
  body_bytes_max: bytes(25 * 1024 * 1024),
  in_flight_bytes_max: bytes(64 * 1024 * 1024),
  connections_max: z.number().int().positive().default(1_000),
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
  // Of each process.
  database_connections_max: z.number().int().min(5).max(1_000).default(12),
  queued_builds_max: z.number().int().positive().default(10_000),
  queued_builds_per_repository_max: z.number().int().positive().default(500),
  broken_attempts_max: z.number().int().min(1).max(100).default(5),
  attempts_max: z.number().int().min(1).max(20).default(5),
  git_low_speed_bytes_per_second: bytes(1_000),
  git_low_speed_seconds_max: seconds(30),
});

export const roles = ["all", "receiver", "worker"] as const;

export const configFile = z
  .strictObject({
    role: z.enum(roles, `has to be one of ${roles.join(", ")}`).default("all"),
    state_dir: z.string().min(1).default("state"),
    listen: z
      .strictObject({ api: address.prefault("127.0.0.1:8080"), webhooks: address.prefault("127.0.0.1:8088") })
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
      })
      .prefault({}),
    database: z.strictObject({ url_file: z.string().min(1).optional() }).prefault({}),
    webhooks: z.strictObject({ secrets_file: z.string().min(1).optional() }).prefault({}),
    admin: z.strictObject({ token_file: z.string().min(1).optional() }).prefault({}),
    tunnel: z.strictObject({ agent_url: z.url().default("http://127.0.0.1:4040") }).prefault({}),
    log: z
      .strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info") })
      .prefault({}),
    workers: z.number().int().min(1).max(64).default(2),
    limits: limits.prefault({}),
    repositories: z.array(repository).default([]),
  })
  .superRefine((value, ctx) => {
    reportTwice(ctx, value.repositories, "repositories");
    reportTwice(
      ctx,
      value.registries.map(({ host }) => ({ name: host })),
      "registries",
    );
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

function lastSegment(name: string): string {
  return name.toLowerCase().split("/").at(-1) ?? name;
}

function isImagePath(name: string): boolean {
  try {
    imagePath(name, lastSegment(name));
    return true;
  } catch {
    return false;
  }
}
