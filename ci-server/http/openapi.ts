// /openapi.json: the API's description, made of the schemas that read its requests and describe its answers.

import { z } from "zod";
import { createDocument, type ZodOpenApiObject } from "zod-openapi";
import { errorCodes } from "../core/errors.ts";
import { logLineView } from "../core/views/build.ts";
import { activityPaths } from "./activity.ts";
import { attestationKeyPaths } from "./attestation-key.ts";
import { auditPaths } from "./audit.ts";
import { buildPaths } from "./builds.ts";
import { deliveryPaths } from "./deliveries.ts";
import { eventPaths } from "./event-paths.ts";
import { healthPaths } from "./health.ts";
import { hookPaths } from "./hooks.ts";
import { imagePaths } from "./images.ts";
import { livePaths } from "./live.ts";
import { notificationPaths } from "./notifications.ts";
import { operation, type Paths } from "./operation.ts";
import { prunePaths } from "./prune.ts";
import { rebuildPaths } from "./rebuild.ts";
import { reconcilePaths } from "./reconcile.ts";
import { registryCaPaths } from "./registry-ca.ts";
import { registryImagePaths } from "./registry-images.ts";
import { reportPaths } from "./reports.ts";
import { repositoryPaths } from "./repositories.ts";
import { schemaPaths } from "./schemas.ts";
import { sessionPaths } from "./session.ts";
import { setupPaths } from "./setup.ts";
import { setupAppPaths } from "./setup-app.ts";
import { systemPaths } from "./system.ts";
import { tokenPaths } from "./tokens.ts";

const ownPaths: Paths = {
  "/openapi.json": {
    get: operation({ summary: "This description", role: null, answers: { 200: { types: ["application/json"] } } }),
  },
  "/api": {
    get: operation({ summary: "This description for people", role: null, answers: { 200: { types: ["text/html"] } } }),
  },
  "/problems/{code}": {
    get: operation({
      summary: "What the code of a problem means",
      role: null,
      path: z.object({ code: z.enum(errorCodes) }),
      answers: { 200: { types: ["text/html"] } },
    }),
  },
};

const resources: readonly Paths[] = [
  activityPaths,
  buildPaths,
  livePaths,
  rebuildPaths,
  imagePaths,
  registryImagePaths,
  deliveryPaths,
  reconcilePaths,
  repositoryPaths,
  systemPaths,
  setupPaths,
  setupAppPaths,
  hookPaths,
  prunePaths,
  sessionPaths,
  tokenPaths,
  auditPaths,
  notificationPaths,
  reportPaths,
  eventPaths,
  registryCaPaths,
  attestationKeyPaths,
  schemaPaths,
  healthPaths,
  ownPaths,
];

export type OpenApi = ReturnType<typeof createDocument>;

export function openApiDocument(version: string): OpenApi {
  const document: ZodOpenApiObject = {
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
      schemas: { LogLine: logLineView },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The admin token, or one made by POST /api/v1/tokens." },
        session: { type: "apiKey", in: "cookie", name: "mergedock_session" },
      },
    },
  };
  return createDocument(document, {
    override: ({ jsonSchema }) => {
      // The format says it.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
}

/** Two resources may have different methods of the same path. */
function merged(all: readonly Paths[]): Paths {
  const paths: Paths = {};
  for (const [path, item] of all.flatMap((one) => Object.entries(one)))
    paths[path] = { ...paths[path], ...withUnchanged(item) };
  return paths;
}

/** What has an ETag may be answered with 304. */
function withUnchanged(item: Paths[string]): Paths[string] {
  const { get } = item;
  if (get?.responses["200"] === undefined) return item;
  const responses = { ...get.responses, 304: { description: "Not changed: If-None-Match has its ETag" } };
  return { ...item, get: { ...get, responses } };
}
