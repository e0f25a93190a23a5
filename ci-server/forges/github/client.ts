// Every question to GitHub's API goes through here, and through the gate that the whole process shares.

import type { z } from "zod";
import type { ForgeGate } from "../../adapters/forge-gate.ts";
import type { Allowance, Credential } from "../../adapters/forge-gate-parts.ts";
import { isSecret } from "../../core/access.ts";
import { AppError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { Answer, Parameters } from "./answer.ts";
import { permissionFor } from "./permissions.ts";
import type { Explain } from "./refusal.ts";
import { resetMs } from "./refusal.ts";
import type { Remembered } from "./remembered.ts";
import { type AskLimits, ask } from "./request.ts";

export interface GithubParts {
  readonly gate: ForgeGate;
  readonly clock: Clock;
  readonly limits: AskLimits;
}

/** As whom a question is asked. */
export interface Identity {
  /** Without a slash at its end. */
  readonly apiUrl: string;
  readonly credential: Credential;
  readonly isApp: boolean;
  readonly token: string;
  readonly remembered: Remembered | null;
}

export interface Question {
  readonly route: string;
  readonly parameters: Parameters;
  readonly signal: AbortSignal;
  /** What a refusal means where GitHub's usual meaning says too little. */
  readonly explain?: Explain;
}

/** Throws what core/ports/forge-api.ts says. */
export function askGithub(
  { gate, limits }: GithubParts,
  { apiUrl, credential, isApp, token, remembered }: Identity,
  { route, parameters, signal, explain }: Question,
): Promise<Answer> {
  signal.throwIfAborted();
  if (!isSecret(apiUrl))
    throw new AppError("invalid", `${apiUrl}: a token is not sent in clear; give api.url, with https://`);
  const permission = permissionFor(route);
  const secrets = [token, ...secretsOf(parameters)];
  const about = { apiUrl, who: credential.name, isApp, permission, secrets, limits };
  const gated = async () => {
    const authorization = `Bearer ${token}`;
    const more = explain === undefined ? {} : { explain };
    const answer = await ask({ ...about, ...more, authorization, signal, remembered }, route, parameters);
    return { answer, allowance: allowanceOf(answer) };
  };
  const probe = (probing: AbortSignal) =>
    ask({ ...about, authorization: null, signal: probing, secrets: [] }, "GET /rate_limit", {});
  const passing = { forge: "github", apiUrl, credential, isWrite: isWrite(route), signal, probe };
  return gate.through(passing, gated).then(({ answer }) => answer);
}

/** Throws `unavailable` where something else answers under the API's address. */
export function parseAnswer<T>(schema: z.ZodType<T>, { data }: Answer, what: string): T {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new AppError("unavailable", `${what}: what answers does not answer as GitHub's API does; check api.url`);
}

/** A token is made for each question's sake: it does not wait for others. */
function isWrite(route: string): boolean {
  return !route.startsWith("GET ") && !route.startsWith("POST /app/");
}

function secretsOf({ config }: Parameters): readonly string[] {
  const secret = typeof config === "object" && config !== null && "secret" in config ? config.secret : null;
  return typeof secret === "string" ? [secret] : [];
}

function allowanceOf({ headers }: Answer): Allowance | null {
  const remaining = Number(headers["x-ratelimit-remaining"] ?? Number.NaN);
  const leftMs = resetMs(headers);
  return Number.isFinite(remaining) && leftMs !== null ? { remaining, resetMs: leftMs } : null;
}
