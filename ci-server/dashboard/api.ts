// Asks the API as the session of this browser; what it refuses is thrown with the sentence that it says.

import { parseShown } from "./shown-text.ts";

export class Problem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const base = "/api/v1";
let whenSignedOut = () => {};

/** Told whenever the API no longer knows the session. */
export function onSignedOut(listener: () => void): void {
  whenSignedOut = listener;
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return ask<T>(path, signal === undefined ? {} : { signal });
}

/** Null where the answer has no body. */
export function send<T>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<T> {
  const json =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  return ask<T>(path, { method, ...json });
}

async function ask<T>(path: string, init: RequestInit): Promise<T> {
  const response = await open(path, init);
  const text = await response.text();
  // The API's own contract says what comes from where; views.ts has it.
  return (text === "" ? null : parseShown(text)) as T;
}

/** The answer as it comes, once it is a good one. */
export async function open(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(base + path, { credentials: "same-origin", ...init }).catch((cause: Error) => {
    if (init.signal?.aborted) throw cause;
    throw new Problem(0, "the server cannot be reached; it is asked again");
  });
  if (response.ok) return response;
  const problem = new Problem(response.status, await readProblem(response));
  if (response.status === 401 && path !== "/session") whenSignedOut();
  throw problem;
}

async function readProblem(response: Response): Promise<string> {
  try {
    const { detail } = await response.json();
    if (typeof detail === "string") return detail;
  } catch {
    // Something between here and the server has answered in its own words.
  }
  return `the server answered ${response.status} ${response.statusText}`;
}

/** `?a=1&b=2` of what is set. */
export function query(fields: Readonly<Record<string, string | number | null>>): string {
  const set = Object.entries(fields).flatMap(([name, value]) =>
    value === null || value === "" ? [] : [[name, String(value)]],
  );
  return set.length === 0 ? "" : `?${new URLSearchParams(set)}`;
}
