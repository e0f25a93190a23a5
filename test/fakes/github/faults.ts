// What goes wrong on purpose, in the API and in git over HTTP.

import type { Answer } from "./routes.ts";

export interface Faults {
  /** The next so many requests of the API are answered like this. */
  next: Fault | null;
  /** The same for requests of git. */
  nextGit: Fault | null;
  /** Every n-th request is answered like this, of the API and of git counted together. */
  everyNth: { readonly n: number; readonly status: number } | null;
  /** Hooks are not sent: what happens now is only on record, with nobody's answer. */
  isCutOff: boolean;
  /** GUIDs of deliveries whose payload is kept no longer. */
  readonly lostPayloads: Set<string>;
  /** How many requests have failed on purpose. */
  failed: number;
}

export interface Fault {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  times: number;
}

export type FaultOf = (kind: "api" | "git") => Answer | null;

export function noFaults(): Faults {
  return { next: null, nextGit: null, everyNth: null, isCutOff: false, lostPayloads: new Set(), failed: 0 };
}

/** Counts the requests, and says which of them are not answered as they should be. */
export function countFaults(faults: Faults): FaultOf {
  let asked = 0;
  return (kind) => {
    asked += 1;
    const next = kind === "api" ? faults.next : faults.nextGit;
    if (next !== null && next.times > 0) {
      next.times -= 1;
      return failed(faults, next);
    }
    const { everyNth } = faults;
    return everyNth !== null && asked % everyNth.n === 0 ? failed(faults, everyNth) : null;
  };
}

function failed(faults: Faults, { status, headers = {} }: Pick<Fault, "status" | "headers">): Answer {
  faults.failed += 1;
  return { status, body: { message: "Server Error" }, headers };
}
