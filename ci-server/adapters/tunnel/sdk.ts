// ngrok without an agent: its package @ngrok/ngrok opens the tunnel from within this process.
// The package is optional, since its native part is not made for every machine.

import type { Clock, Tunnel, TunnelState, TunnelTarget } from "../../core/ports.ts";
import { localMode, localUrl } from "../../core/public-address.ts";

const firstRetryMs = 1_000;
const closeMsMax = 1_000;

export interface SdkOptions {
  readonly authtoken: string;
  /** A domain that stays, such as `example.ngrok-free.dev`; null: the one that the service gives. */
  readonly domain: string | null;
  readonly retryMsMax: number;
  readonly clock: Clock;
  /** Throws where the package has no part for this machine. */
  readonly load?: () => Promise<Sdk>;
}

/** What of the package is used. */
export interface Sdk {
  forward(config: {
    readonly addr: string;
    readonly authtoken: string;
    readonly domain?: string;
    readonly onStatusChange: (status: string) => void;
  }): Promise<SdkListener>;
}

export interface SdkListener {
  url(): string | null;
  close(): Promise<void>;
}

/** Tries again until the service gives an address; a lost session is taken up again by the package itself. */
export function createSdkTunnel(options: SdkOptions): Tunnel {
  const stopping = new AbortController();
  const state: Opening = { listener: null, isConnected: false, why: "it is being opened", isTrouble: false };
  let opening: Promise<void> | null = null;
  return {
    open(target) {
      opening ??= keepTrying(options, target, state, stopping.signal);
    },
    async look(): Promise<TunnelState> {
      const url = state.isConnected ? (state.listener?.url() ?? null) : null;
      return url === null ? localMode(`ngrok: ${state.why}`, state.isTrouble) : { address: { url, isChannel: false } };
    },
    async close() {
      stopping.abort();
      // An attempt that goes on cannot be taken back: what it opens is closed when it is there.
      const limit = AbortSignal.timeout(closeMsMax);
      const late = new Promise<void>((resolve) => limit.addEventListener("abort", () => resolve(), { once: true }));
      await Promise.race([(opening ?? Promise.resolve()).then(() => closeListener(state)), late]);
    },
  };
}

interface Opening {
  listener: SdkListener | null;
  isConnected: boolean;
  /** Why there is no address. */
  why: string;
  isTrouble: boolean;
}

async function keepTrying(options: SdkOptions, target: TunnelTarget, state: Opening, stopping: AbortSignal) {
  const sdk = await (options.load ?? loadSdk)().catch(() => null);
  if (sdk === null) {
    state.why = `the package @ngrok/ngrok has no part for this machine (${process.platform}, ${process.arch}); run ngrok's agent instead`;
    state.isTrouble = true;
    return;
  }
  for (let waitMs = firstRetryMs; !stopping.aborted; waitMs = Math.min(waitMs * 2, options.retryMsMax)) {
    try {
      await forward(sdk, options, target, state);
      if (stopping.aborted) await closeListener(state);
      return;
    } catch (error) {
      state.why = inOneLine(error, options.authtoken);
      state.isTrouble = true;
    }
    await options.clock.sleep(waitMs, stopping).catch(() => undefined);
  }
}

async function forward(sdk: Sdk, { authtoken, domain }: SdkOptions, target: TunnelTarget, state: Opening) {
  state.listener = await sdk.forward({
    addr: localUrl(target),
    authtoken,
    ...(domain === null ? {} : { domain }),
    onStatusChange(status) {
      state.isConnected = status === "connected";
      // Before there is a listener its own error says more.
      if (state.listener === null || state.isConnected) return;
      state.why = "the connection to its service is lost, and is taken up again";
      state.isTrouble = true;
    },
  });
  state.isConnected = true;
}

async function closeListener(state: Opening): Promise<void> {
  const { listener } = state;
  state.listener = null;
  state.isConnected = false;
  await listener?.close().catch(() => undefined);
}

/** The service's answer to a wrong token repeats it. */
function inOneLine(error: unknown, authtoken: string): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(authtoken, "[redacted]").replaceAll(/\s+/g, " ").trim();
}

async function loadSdk(): Promise<Sdk> {
  const { default: sdk } = await import("@ngrok/ngrok");
  return sdk;
}
