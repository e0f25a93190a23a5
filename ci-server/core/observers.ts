// Several observers as one, which keeps its promise for them: what one of them throws is reported, and nobody else hears of it.

import type { AttemptWatch, BuildObserver, DeliveryObserver, DeliveryWatch } from "./ports.ts";

type Report = (error: unknown) => void;

/** Of an attempt that nobody watches. */
export const unwatched: AttemptWatch = {
  stageStarted: () => undefined,
  stageEnded: () => undefined,
  stepsEnded: () => undefined,
  ended: () => undefined,
};

export function allBuildObservers(observers: readonly BuildObserver[], report: Report): BuildObserver {
  return {
    begun(build, at) {
      const watches = observers.flatMap((one) => attempt(() => one.begun(build, at), report) ?? []);
      const tell = (say: (watch: AttemptWatch) => void) => {
        for (const watch of watches) attempt(() => say(watch), report);
      };
      return {
        stageStarted: (stage) => tell((watch) => watch.stageStarted(stage)),
        stageEnded: (end) => tell((watch) => watch.stageEnded(end)),
        stepsEnded: (service, steps) => tell((watch) => watch.stepsEnded(service, steps)),
        ended: (end, droppedLines) => tell((watch) => watch.ended(end, droppedLines)),
      };
    },
  };
}

/** The traceparent is that of the first one that has one. */
export function allDeliveryObservers(observers: readonly DeliveryObserver[], report: Report): DeliveryObserver {
  return {
    received() {
      const watches = observers.flatMap((one) => attempt(() => one.received(), report) ?? []);
      const tell = (say: (watch: DeliveryWatch) => void) => {
        for (const watch of watches) attempt(() => say(watch), report);
      };
      return {
        traceparent: watches.find(({ traceparent }) => traceparent !== null)?.traceparent ?? null,
        ended: (part) => tell((watch) => watch.ended(part)),
        stored: (delivery) => tell((watch) => watch.stored(delivery)),
        refused: (forge) => tell((watch) => watch.refused(forge)),
      };
    },
  };
}

function attempt<T>(call: () => T, report: Report): T | null {
  try {
    return call();
  } catch (error) {
    report(error);
    return null;
  }
}
