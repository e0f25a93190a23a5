// What openapi.json says of the streams of events, and of the metrics. Source: HTML Standard, "Server-sent events".

import { z } from "zod";
import { buildPath } from "./builds.ts";
import { operation, type Paths } from "./operation.ts";

const lastEvent = z.object({ "Last-Event-ID": z.string().optional() });
const stream = { description: "Events, until the reader has gone", types: ["text/event-stream"] };

export const eventPaths: Paths = {
  "/api/v1/events": {
    get: operation({
      summary: "What changes in the activity, as it happens",
      description:
        "Events: activity (an ActivityItem, new or changed) and reset (the position is too old: load the list again). Last-Event-ID goes on from there.",
      role: "read",
      query: z.object({ repository: z.string().optional() }),
      headers: lastEvent,
      answers: { 200: stream },
    }),
  },
  "/api/v1/builds/{id}/events": {
    get: operation({
      summary: "A build and its log, as they grow",
      description:
        "Events: log (an array of LogLine; its id is l and the last line's seq), build (a Build, when it has changed), end (its result). after, or Last-Event-ID, goes on from a line.",
      role: "read",
      path: buildPath,
      query: z.object({ after: z.string().optional() }),
      headers: lastEvent,
      answers: { 200: stream },
    }),
  },
  "/metrics": {
    get: operation({
      summary: "Figures for Prometheus",
      description: "Open to anybody where metrics.open is set.",
      role: "read",
      answers: { 200: { types: ["text/plain", "application/openmetrics-text"] } },
    }),
  },
};
