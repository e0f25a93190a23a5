// Images and repositories as the API shows them.

import { z } from "zod";
import { versionsMax } from "../catalogue.ts";
import { concurrencies } from "../recipe.ts";
import { buildView } from "./build.ts";
import { count, id, ms, time } from "./json.ts";

const newest = z.object({
  buildId: id,
  digest: z.string(),
  reference: z.string(),
  tags: z.array(z.string()),
  bytes: count,
  createdAt: time,
});

export const imageListView = z
  .object({
    images: z.array(
      z.object({
        path: z.string(),
        repository: z.string(),
        service: z.string(),
        tags: count.meta({ description: `How many are in use, of its newest ${versionsMax} versions.` }),
        builds: count.meta({ description: `How many have made it, up to ${versionsMax}.` }),
        bytes: count.meta({ description: "Of the newest one." }),
        newest,
      }),
    ),
    next: z.string().nullable(),
  })
  .meta({ id: "ImageList" });

const version = z.object({
  digest: z.string(),
  reference: z.string(),
  tags: z.array(z.string()).meta({ description: "Those that no newer version has been given since." }),
  bytes: count,
  bytesBefore: count.nullable().meta({ description: "Of the version before it." }),
  createdAt: time,
  buildId: id,
  reusedFrom: id.nullable(),
  pullRequest: z.object({ number: id, title: z.string(), url: z.string() }).nullable(),
  sha: z.string().nullable(),
  signed: z.boolean(),
  sbom: z.boolean(),
  removedAt: time.nullable(),
});

export const imageView = z
  .object({
    path: z.string(),
    repository: z.string(),
    service: z.string(),
    pull: z.object({ docker: z.string(), podman: z.string(), compose: z.string() }),
    versions: z.array(version),
    next: id.nullable(),
  })
  .meta({ id: "Image" });

export const repositoryListView = z
  .object({
    repositories: z.array(
      z.object({
        name: z.string(),
        url: z.string(),
        branches: z.array(z.string()),
        concurrency: z.enum(concurrencies).nullable().meta({ description: "Null: its own file says it." }),
        services: z.array(z.string()).meta({ description: "As configured, else as last planned." }),
        lastBuild: buildView.nullable(),
        lastDeliveryAt: time.nullable(),
        lastPingAt: time.nullable(),
        medianMs: ms.nullable(),
        queued: count,
        running: count,
        problem: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "RepositoryList" });

export type ImageListView = z.infer<typeof imageListView>;
export type ImageView = z.infer<typeof imageView>;
export type RepositoryListView = z.infer<typeof repositoryListView>;
