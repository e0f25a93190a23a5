// GET /api/v1/images: what is in the registry, by path; GET /api/v1/images/<path>: its versions, and how to pull the newest.

import Router from "@koa/router";
import { z } from "zod";
import type { ImageSummary } from "../core/catalogue.ts";
import { AppError } from "../core/errors.ts";
import type { Catalogue } from "../core/ports.ts";
import { imageListView, imageView } from "../core/views/catalogue.ts";
import { shown } from "../core/views/json.ts";
import { given, idBefore, line, pageLimit, parseQuery, words } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

const page = z.object({ repository: words, q: words, before: given(line.max(300)), limit: pageLimit });
const versionPage = z.object({ before: idBefore, limit: pageLimit });
const positionPattern = /^(\d{1,15}):(.+)$/;

export function registryImageRoutes(catalogue: Catalogue): Router {
  const router = new Router({ prefix: "/api/v1/images" });
  router.get("/", async (ctx) => {
    const { before, ...asked } = parseQuery(page, ctx.query);
    const images = await catalogue.images({ ...asked, before: before === null ? null : parsePosition(before) });
    const last = images.length === asked.limit ? images.at(-1) : undefined;
    ctx.body = shown(imageListView, {
      images: images.map((image) => ({ ...image, bytes: image.newest.bytes })),
      next: last === undefined ? null : `${last.newest.buildId}:${last.path}`,
    });
  });
  router.get("/:path", async (ctx) => {
    const asked = parseQuery(versionPage, ctx.query);
    const path = ctx.params.path ?? "";
    const image = line.safeParse(path).success ? await catalogue.image(path) : null;
    if (image === null)
      throw new AppError("not_found", `there is no image "${path}"; GET /api/v1/images lists them, / in a path is %2F`);
    const versions = await catalogue.versions(path, asked);
    const oldest = versions.length === asked.limit ? versions.at(-1) : undefined;
    const { repository, service, newest } = image;
    const pull = toPull(newest, service);
    ctx.body = shown(imageView, { path, repository, service, pull, versions, next: oldest?.buildId ?? null });
  });
  return router;
}

/** By digest: the same image tomorrow. */
function toPull({ reference }: ImageSummary["newest"], service: string) {
  return {
    docker: `docker pull ${reference}`,
    podman: `podman pull ${reference}`,
    compose: `services:\n  ${service}:\n    image: ${reference}\n`,
  };
}

function parsePosition(text: string): { readonly buildId: number; readonly path: string } {
  const [, buildId, path] = positionPattern.exec(text) ?? [];
  if (buildId === undefined || path === undefined)
    throw new AppError("invalid", '"before" is no position of this list; take what "next" says');
  return { buildId: Number(buildId), path };
}

export const registryImagePaths: Paths = {
  "/api/v1/images": {
    get: operation({
      summary: "What is in the registry, the path with the newest image first",
      role: "read",
      query: page,
      answers: { 200: { schema: imageListView } },
    }),
  },
  "/api/v1/images/{path}": {
    get: operation({
      summary: "The versions of an image, newest first, and how to pull the newest",
      role: "read",
      path: z.object({ path: z.string().meta({ description: "With / as %2F.", example: "acme%2Fshop" }) }),
      query: versionPage,
      answers: { 200: { schema: imageView } },
    }),
  },
};
