// GET /api/v1/mergedock.schema.json: what a repository's own file may say, for editors, which have no token.

import Router from "@koa/router";
import { recipeJsonSchema } from "../core/recipe-schema.ts";

export function schemaRoutes(): Router {
  const text = JSON.stringify(recipeJsonSchema());
  const router = new Router();
  router.get("/api/v1/mergedock.schema.json", (ctx) => {
    ctx.body = text;
    ctx.type = "application/schema+json";
    ctx.set("Cache-Control", "max-age=3600");
  });
  return router;
}
