// One request to the engine through dockerode's modem. Each rejects with the modem's own error.

import type { Duplex, Readable } from "node:stream";
import type Docker from "dockerode";

// For what needs no work of the engine: one that is hung must not hang us.
const answerMsMax = 10_000;

export interface EngineAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

export type SessionHeaders = Readonly<Record<string, string | readonly string[]>>;

export interface Dial {
  readonly path: string;
  readonly query: Record<string, string>;
  readonly file?: Readable;
  readonly auth?: EngineAuth;
  readonly signal?: AbortSignal;
  readonly isStream: boolean;
}

/** POSTs. */
export function dial(docker: Docker, { path, query, file, auth, signal, isStream }: Dial): Promise<Readable> {
  const optional = { ...(auth && { authconfig: auth }), ...(signal && { abortSignal: signal }), ...(file && { file }) };
  // No status but 200 is named here, so that the modem turns every other into an error with its statusCode.
  const options = {
    path,
    method: "POST",
    options: { _query: query },
    isStream,
    statusCodes: { 200: true, 204: true },
    ...optional,
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(options, (error: unknown, response: unknown) => {
      if (error) reject(error);
      else resolve(response as Readable); // isStream gives the response itself
    });
  });
}

/** POSTs /session and hands over the connection. */
export function hijack(docker: Docker, headers: SessionHeaders, signal: AbortSignal): Promise<Duplex> {
  // Not AbortSignal.timeout(): it would end the connection that has become somebody else's by then.
  const giveUp = new AbortController();
  const stop = () => giveUp.abort();
  const timer = setTimeout(stop, answerMsMax);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const call = { path: "/session", method: "POST", hijack: true, headers, statusCodes: {}, abortSignal: giveUp.signal };
  return new Promise<Duplex>((resolve, reject) => {
    // Its types know plain headers only; Node sends a list as several.
    docker.modem.dial(call as unknown as Parameters<typeof docker.modem.dial>[0], (error: unknown, socket: unknown) => {
      if (error) reject(error);
      else resolve(socket as Duplex); // hijack gives the connection
    });
  }).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}

export interface Question {
  readonly path: string;
  readonly method?: "GET" | "DELETE";
  readonly query?: Record<string, string>;
}

/** Within a time: the engine's answer, whose fields the caller knows from its API. */
export function ask<T>(docker: Docker, { path, method = "GET", query }: Question): Promise<T> {
  const options = { ...(query && { options: { _query: query } }), abortSignal: AbortSignal.timeout(answerMsMax) };
  return new Promise((resolve, reject) => {
    docker.modem.dial({ path, method, statusCodes: { 200: true }, ...options }, (error: unknown, answer: unknown) => {
      if (error) reject(error);
      else resolve(answer as T);
    });
  });
}

export function statusOf(cause: unknown): number | undefined {
  return (cause as { statusCode?: number }).statusCode; // the modem's errors carry it
}
