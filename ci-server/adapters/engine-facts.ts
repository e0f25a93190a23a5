// What a doctor asks an engine: its parts' versions, and whether it can sign in at a registry. Changes nothing.

import Docker from "dockerode";
import { toDockerOptions } from "./docker-engine.ts";
import { toEngineError, unreachable } from "./engine-errors.ts";
import { ask, type EngineAuth } from "./engine-request.ts";

export interface EngineFacts {
  readonly version: string;
  readonly apiVersion: string;
  /** Null where the engine does not say. */
  readonly runc: string | null;
}

const answerMsMax = 10_000;

/** Throws `unavailable`. */
export async function engineFacts(host: string): Promise<EngineFacts> {
  const docker = new Docker(toDockerOptions(host));
  interface Answer {
    readonly Version: string;
    readonly ApiVersion: string;
    readonly Components?: readonly { readonly Name: string; readonly Version: string }[];
  }
  const answer = await ask<Answer>(docker, { path: "/version" }).catch((cause: unknown) => {
    throw unreachable(host, cause);
  });
  const runc = answer.Components?.find(({ Name }) => Name === "runc")?.Version ?? null;
  return { version: answer.Version, apiVersion: answer.ApiVersion, runc };
}

/** As `docker login` does it: the engine asks the registry, with its own trust in certificates. Nothing is kept. Throws AppError. */
export async function engineSignsIn(host: string, auth: EngineAuth): Promise<void> {
  const docker = new Docker(toDockerOptions(host));
  const options = { abortSignal: AbortSignal.timeout(answerMsMax), statusCodes: { 200: true, 204: true } };
  await new Promise<void>((resolve, reject) => {
    docker.modem.dial({ path: "/auth", method: "POST", options: auth, ...options }, (error: unknown) => {
      if (error) reject(toEngineError(host, error));
      else resolve();
    });
  });
}
