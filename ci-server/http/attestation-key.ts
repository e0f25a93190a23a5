// GET /api/v1/attestation-key: what attestations are verified with.

import Router from "@koa/router";
import { AppError } from "../core/errors.ts";
import { operation, type Paths } from "./operation.ts";

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

export const attestationKeyPaths: Paths = {
  "/api/v1/attestation-key": {
    get: operation({
      summary: "The public key that attestations are verified with, as PEM",
      role: null,
      answers: { 200: { types: ["application/x-pem-file"] } },
    }),
  },
};
