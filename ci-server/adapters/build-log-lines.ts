// What the program's own log says of builds: each line of an attempt bears the build's id, its repository and the attempt.

import type { Logger } from "pino";
import type { BuildObserver } from "../core/ports.ts";

export function createBuildLogger(log: Logger): BuildObserver {
  return {
    begun({ repository, trigger, pullRequest }, { buildId, attempt }) {
      const own = log.child({ buildId, repository, attempt });
      own.info({ trigger, pullRequest: pullRequest?.number ?? null }, "build begun");
      return {
        stageStarted: (stage) => own.debug({ stage }, "stage begun"),
        stageEnded: ({ stage, ms, result, failure }) =>
          own.debug({ stage, ms: Math.round(ms), result, ...(failure && { code: failure.code }) }, "stage ended"),
        stepsEnded: (service, steps) => own.debug({ service, steps: steps.length }, "steps ended"),
        ended(end, droppedLines) {
          if (end === null) return own.warn("build given back");
          const level = end.result === "error" ? "error" : "info";
          const images = end.images.map(({ reference }) => reference);
          own[level]({ result: end.result, failure: end.failure, images, droppedLines }, "build ended");
        },
      };
    },
  };
}
