// Serves the dashboard: one page for all its addresses, and the files it is made of, which are read once at the start.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import Router from "@koa/router";
import type { Context } from "koa";

/** Made by `npm run dashboard`. */
const built = path.join(import.meta.dirname, "../dashboard/dist");
export const dashboardPages = [
  "/",
  "/login",
  "/setup",
  "/setup/github-app",
  "/access",
  "/images",
  "/images/:path",
  "/builds/:id",
  "/deliveries/:guid",
];
/** Stricter than that of the rest: nothing from elsewhere, nothing inline, and no text that becomes elements. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "object-src 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");
const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Mergedock</title>
<h1>The dashboard has not been built</h1>
<p>Run <code>npm run dashboard</code> where the server was started, and start it again. The API at /api/v1 works without it.</p>
`;

interface File {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface DashboardOptions {
  readonly folder?: string;
  /** Where a form of ours may lead beside here: the hosts that make Apps. */
  readonly formHosts?: readonly string[];
}

export function dashboardRoutes({ folder = built, formHosts = [] }: DashboardOptions = {}): Router {
  const policy = contentSecurityPolicy.replace("form-action 'self'", ["form-action 'self'", ...formHosts].join(" "));
  const protect = (ctx: Context) => ctx.set("Content-Security-Policy", policy);
  const index = existsSync(path.join(folder, "index.html")) ? readFileSync(path.join(folder, "index.html")) : null;
  const router = new Router();
  for (const page of dashboardPages) {
    router.get(page, (ctx) => {
      protect(ctx);
      ctx.set("Cache-Control", "no-cache");
      ctx.type = "html";
      ctx.status = index === null ? 503 : 200;
      ctx.body = index ?? notBuilt;
    });
  }
  for (const { name, bytes } of assetsOf(folder)) {
    router.get(`/assets/${name}`, (ctx) => {
      protect(ctx);
      // Its name changes with its content.
      ctx.set("Cache-Control", "public, max-age=31536000, immutable");
      ctx.type = path.extname(name);
      ctx.body = bytes;
    });
  }
  return router;
}

function assetsOf(folder: string): File[] {
  const assets = path.join(folder, "assets");
  if (!existsSync(assets)) return [];
  return readdirSync(assets).map((name) => ({ name, bytes: readFileSync(path.join(assets, name)) }));
}
