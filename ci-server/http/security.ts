// Headers that let a browser do no more for a page of ours than it needs.

import type { Middleware } from "koa";
import helmet from "koa-helmet";

/** TLS ends at the operator's proxy, which says itself whether browsers shall insist on it. */
export function securityHeaders(): Middleware {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
    },
    strictTransportSecurity: false,
    xFrameOptions: { action: "deny" },
    referrerPolicy: { policy: "same-origin" },
  });
}
