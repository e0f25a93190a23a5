// What openapi.json says of the metrics.

import { operation, type Paths } from "./operation.ts";

export const eventPaths: Paths = {
  "/metrics": {
    get: operation({
      summary: "Figures for Prometheus",
      description: "Open to anybody where metrics.open is set.",
      role: "read",
      answers: { 200: { types: ["text/plain", "application/openmetrics-text"] } },
    }),
  },
};
