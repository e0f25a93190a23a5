// A verified delivery as a span, with one for each of its parts; the build that it leads to goes on with the trace. Deliveries
// that are refused leave none: whoever they are of must not fill the collector. Nor does a request say which trace it is of.

import type { Clock, DeliveryObserver, DeliveryPart } from "../../core/ports.ts";
import type { SpanExport } from "./exporter.ts";
import { newPlace, toTraceparent } from "./span-ids.ts";

export function traceDeliveries({ send }: SpanExport, clock: Pick<Clock, "now">): DeliveryObserver {
  return {
    received() {
      const place = newPlace();
      const startedAt = clock.now();
      const ends: { readonly part: DeliveryPart; readonly at: Date }[] = [];
      return {
        traceparent: toTraceparent(place),
        ended: (part) => void ends.push({ part, at: clock.now() }),
        refused: () => undefined,
        stored({ guid, forge, name, verdict, repository, buildId }) {
          const endedAt = ends.at(-1)?.at ?? clock.now();
          const attributes = {
            "mergedock.delivery.guid": guid,
            "mergedock.delivery.event": name,
            "mergedock.delivery.verdict": verdict,
            "vcs.provider.name": forge,
            ...(repository !== null && { "vcs.repository.name": repository }),
            ...(buildId !== null && { "cicd.pipeline.run.id": String(buildId) }),
          };
          const span = { kind: "server" as const, parent: null, place, attributes, problem: null };
          send({ ...span, name: `POST /webhooks/${forge}`, startedAt, endedAt });
          for (const [index, { part, at }] of ends.entries()) {
            const from = ends[index - 1]?.at ?? startedAt;
            const own = { kind: "internal" as const, parent: place, place: null, attributes: {}, problem: null };
            send({ ...own, name: part, startedAt: from, endedAt: at });
          }
        },
      };
    },
  };
}
