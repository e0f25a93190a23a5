// /openapi.json: the API's description, made of the schemas that read its requests and describe its answers.

import { createDocument } from "zod-openapi";
import { activityPaths } from "./activity.ts";
import { attestationKeyPaths } from "./attestation-key.ts";
import { auditPaths } from "./audit.ts";
import { buildPaths } from "./builds.ts";
import { deliveryPaths } from "./deliveries.ts";
import { healthPaths } from "./health.ts";
import { imagePaths } from "./images.ts";
import type { Paths } from "./operation.ts";
import { prunePaths } from "./prune.ts";
import { rebuildPaths } from "./rebuild.ts";
import { registryCaPaths } from "./registry-ca.ts";
import { registryImagePaths } from "./registry-images.ts";
import { repositoryPaths } from "./repositories.ts";
import { schemaPaths } from "./schemas.ts";
import { sessionPaths } from "./session.ts";
import { setupPaths } from "./setup.ts";
import { systemPaths } from "./system.ts";
import { tokenPaths } from "./tokens.ts";

const resources: readonly Paths[] = [
  activityPaths,
  buildPaths,
  rebuildPaths,
  imagePaths,
  registryImagePaths,
  deliveryPaths,
  repositoryPaths,
  systemPaths,
  setupPaths,
  prunePaths,
  sessionPaths,
  tokenPaths,
  auditPaths,
  registryCaPaths,
  attestationKeyPaths,
  schemaPaths,
  healthPaths,
];

export type OpenApi = ReturnType<typeof createDocument>;

export function openApiDocument(version: string): OpenApi {
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Mergedock",
      version,
      description:
        "Merge a pull request, get an image. Errors are problems (RFC 9457); GET answers have an ETag; lists go on with before=<next>.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths: merged(resources),
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The admin token, or one made by POST /api/v1/tokens." },
        session: { type: "apiKey", in: "cookie", name: "mergedock_session" },
      },
    },
  });
}

/** Two resources may have different methods of the same path. */
function merged(all: readonly Paths[]): Paths {
  const paths: Paths = {};
  for (const [path, item] of all.flatMap((one) => Object.entries(one))) paths[path] = { ...paths[path], ...item };
  return paths;
}
