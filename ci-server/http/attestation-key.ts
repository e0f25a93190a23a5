// GET /api/v1/attestation-key: what attestations are verified with.

import Router from "@koa/router";
import { AppError } from "../core/errors.ts";

/** Without a token: it is no secret, and is for those who pull images and have no business with the rest of the API. */
export function attestationKeyRoutes(pem: string | null): Router {
  const router = new Router();
  router.get("/api/v1/attestation-key", (ctx) => {
    if (pem === null) {
      const help = "attestations are off, or the workers' key is not configured here: see attestations.key_file";
      throw new AppError("not_found", `there is no key: ${help}`);
    }
    ctx.type = "application/x-pem-file";
    ctx.body = pem;
  });
  return router;
}
