// What mergedock.yml may say: every field with its default, its limits and the sentence that says what is allowed.

import { z } from "zod";
import { limits, retention } from "./config-limits.ts";
import { httpUrl, observingFields } from "./config-observing-schema.ts";
import { recipeMistakes } from "./config-recipes.ts";
import { hosts, reportTwice, repository } from "./config-repositories.ts";
import { tunnel } from "./config-tunnel-schema.ts";
import { contextTransfers } from "./core/ports/builder.ts";

const address = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, "has to be host:port, such as 127.0.0.1:8080")
  .transform((text) => {
    const colon = text.lastIndexOf(":");
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, "has a port above 65535");

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

/** By which the API is asked, beside loopback and the listener's own address. */
const hostNames = z
  .array(z.string().regex(/^(?:\[[0-9a-f:]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/, "has to be host or host:port"))
  .max(100)
  .default([]);

/** Of the proxy before the webhooks' listener: hooks lead below it. */
const webhooksUrl = httpUrl.refine(
  (text) => !/\/webhooks(?:\/|$)/.test(text),
  "has to be the address below which /webhooks/github is, such as https://hooks.example.com",
);

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
    // 0: at the start only.
    reconcile: z
      .strictObject({
        every_seconds: z
          .number()
          .int()
          .nonnegative()
          .max(24 * 3600)
          .default(300),
      })
      .prefault({}),
    database: z.strictObject({ url_file: z.string().min(1).optional() }).prefault({}),
    webhooks: z
      .strictObject({ secrets_file: z.string().min(1).optional(), public_url: webhooksUrl.optional() })
      .prefault({}),
    admin: z.strictObject({ token_file: z.string().min(1).optional() }).prefault({}),
    tunnel,
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
