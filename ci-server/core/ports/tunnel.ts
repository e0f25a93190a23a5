// What brings deliveries from a public address to the webhook listener.

/** `isChannel`: deliveries go to the URL as it is, whichever forge sends them; else each forge has a path below it. */
export interface PublicAddress {
  readonly url: string;
  readonly isChannel: boolean;
}

/** `isTrouble`: something that was asked for does not work; else there is simply no tunnel. `why` is one line. */
export type TunnelState =
  | { readonly address: PublicAddress }
  | { readonly address: null; readonly why: string; readonly isTrouble: boolean };

/** Where the webhook listener is bound, with its real port. */
export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
}

export interface Tunnel {
  /** Begins to lead to the listener, and returns at once: `look` says when there is an address. Called once. */
  open(target: TunnelTarget): void;
  /** What there is now. Never throws and waits for nobody outside of this machine and its network; may run concurrently. */
  look(signal: AbortSignal): Promise<TunnelState>;
  /** Ends what it has opened. May be called without `open`, and twice. */
  close(): Promise<void>;
}
