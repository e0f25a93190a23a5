// GET /api/v1/ca.crt: the certificate of the authority that has signed the registry's, for whoever pulls from it.

import Router from "@koa/router";
import { AppError } from "../core/errors.ts";
import { operation, type Paths } from "./operation.ts";

/** Without a token: it is no secret. `pem`: null where the registry's certificate is of a public authority, or not known here. */
export function registryCaRoutes(pem: string | null): Router {
  const router = new Router();
  router.get("/api/v1/ca.crt", (ctx) => {
    if (pem === null)
      throw new AppError(
        "not_found",
        "the registry has no authority of its own that is known here; see registry.ca_file",
      );
    ctx.type = "application/x-pem-file";
    ctx.body = pem;
  });
  return router;
}

export const registryCaPaths: Paths = {
  "/api/v1/ca.crt": {
    get: operation({
      summary: "The certificate of the registry's authority, as PEM",
      role: null,
      answers: { 200: { types: ["application/x-pem-file"] } },
    }),
  },
};
