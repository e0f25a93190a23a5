// GET /api/v1/mergedock.schema.json: what a repository's own file may say, for editors, which have no token.

import Router from "@koa/router";
import { recipeJsonSchema } from "../core/recipe-schema.ts";
import { operation, type Paths } from "./operation.ts";

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

export const schemaPaths: Paths = {
  "/api/v1/mergedock.schema.json": {
    get: operation({
      summary: "The JSON Schema of a repository's .mergedock.yml",
      role: null,
      answers: { 200: { types: ["application/schema+json"] } },
    }),
  },
};
