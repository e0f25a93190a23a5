// Gitea's API behind a gate of its own, that nobody else has passed.

import { systemClock } from "../../ci-server/adapters/clock.ts";
import { createForgeGate } from "../../ci-server/adapters/forge-gate.ts";
import type { ForgeApi } from "../../ci-server/core/ports.ts";
import { createGiteaApi } from "../../ci-server/forges/gitea/api.ts";

export function forgetfulGitea(): ForgeApi {
  const gate = createForgeGate({
    ...{
      clock: systemClock,
      observer: { asked: () => undefined, allowed: () => undefined, changed: () => undefined },
    },
    limits: { pauseMsMax: 3_600_000, failuresMax: 3, waitingMax: 100 },
  });
  return createGiteaApi({ gate, limits: { answerMsMax: 10_000, answerBytesMax: 16 * 1024 * 1024 } });
}
