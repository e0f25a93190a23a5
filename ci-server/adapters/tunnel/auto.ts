// An agent where one is there for us, else the package: decided once, when it is opened, so that no hook is pointed to and fro.

import type { Tunnel } from "../../core/ports.ts";
import { localMode } from "../../core/public-address.ts";
import type { AgentTunnel } from "./agent.ts";

export function createAutoTunnel(agent: AgentTunnel, sdk: Tunnel): Tunnel {
  const closing = new AbortController();
  let chosen: Tunnel | null = null;
  let choosing: Promise<void> = Promise.resolve();
  return {
    open(target) {
      agent.open(target);
      choosing = agent.isForUs(closing.signal).then((isForUs) => {
        if (closing.signal.aborted) return;
        chosen = isForUs ? agent : sdk;
        if (chosen === sdk) sdk.open(target);
      });
    },
    async look(signal) {
      return chosen === null ? localMode("ngrok: it is being looked for") : chosen.look(signal);
    },
    async close() {
      closing.abort();
      await choosing;
      await Promise.all([agent.close(), sdk.close()]);
    },
  };
}
