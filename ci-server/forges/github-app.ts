// Gets tokens of a GitHub App's installation, each for one repository and for reading its contents only.
// Source: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App" and "Create an installation access token for an app".

import { createPrivateKey, createSign, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import type { AccessTokens, Clock, TokenRequest } from "../core/ports.ts";

/** A token is not given out in its last minutes: a fetch that begins then may outlast it. */
const spareMs = 5 * 60 * 1000;
/** GitHub takes ten minutes at most; the clocks may be a minute apart. */
const jwtSeconds = 8 * 60;
const clockSkewSeconds = 60;
const answerMs = 30_000;
const keptMax = 1_000;

const installation = z.object({ id: z.number().int().positive() });
const accessToken = z.object({ token: z.string().regex(/^[\x21-\x7e]{1,1000}$/), expires_at: z.coerce.date() });

interface Kept {
  readonly token: string;
  readonly endsMs: number;
}

export function createGithubAppTokens(clock: Clock): AccessTokens {
  const kept = new Map<string, Kept>();
  return {
    async token(request) {
      const api = apiOf(request);
      const key = JSON.stringify([api, request.access, request.url]);
      const found = kept.get(key);
      if (found !== undefined && found.endsMs - spareMs > clock.now().getTime()) return found.token;
      kept.delete(key);
      const made = await makeToken({ ...request, api, clock });
      if (kept.size >= keptMax) kept.clear();
      kept.set(key, made);
      return made.token;
    },
    forget(token) {
      for (const [key, { token: one }] of kept) if (Buffer.from(one).equals(Buffer.from(token))) kept.delete(key);
    },
  };
}

interface Call extends TokenRequest {
  readonly api: string;
  readonly clock: Clock;
}

function apiOf({ access, url }: TokenRequest): string {
  if (access.apiUrl !== null) return access.apiUrl;
  const { protocol, host } = new URL(url);
  // GitHub Enterprise Server has it below its own host.
  return host === "github.com" ? "https://api.github.com" : `${protocol}//${host}/api/v3`;
}

async function makeToken(call: Call): Promise<Kept> {
  const { owner, name } = repositoryOf(call.url);
  const authorization = `Bearer ${await signJwt(call)}`;
  const id = call.access.installationId ?? (await findInstallation(call, authorization, `${owner}/${name}`));
  const body = JSON.stringify({ repositories: [name], permissions: { contents: "read" } });
  const answer = await ask(call, `/app/installations/${id}/access_tokens`, { method: "POST", authorization, body });
  const made = accessToken.safeParse(answer);
  if (!made.success) throw new AppError("unavailable", `${call.api} gives no token for ${owner}/${name}`);
  return { token: made.data.token, endsMs: made.data.expires_at.getTime() };
}

/** The last two segments, as on GitHub and on its Enterprise Server. */
function repositoryOf(url: string): { owner: string; name: string } {
  const [owner = "", name = ""] = new URL(url).pathname
    .replace(/(?:\.git)?\/*$/, "")
    .split("/")
    .slice(-2);
  if (!/^[A-Za-z0-9._-]+$/.test(owner) || !/^[A-Za-z0-9._-]+$/.test(name))
    throw new AppError(
      "invalid",
      `${url} is not the url of a repository on GitHub, such as https://github.com/acme/shop.git`,
    );
  return { owner, name };
}

async function findInstallation(call: Call, authorization: string, repository: string): Promise<number> {
  const answer = await ask(call, `/repos/${repository}/installation`, { method: "GET", authorization });
  const found = installation.safeParse(answer);
  if (!found.success) throw new AppError("unavailable", `${call.api} names no installation for ${repository}`);
  return found.data.id;
}

/** RFC 7519 with RS256: what GitHub takes of an app. */
async function signJwt({ access, clock }: Call): Promise<string> {
  const key = await readKey(access.privateKeyFile);
  const now = Math.floor(clock.now().getTime() / 1000);
  const claims = { iat: now - clockSkewSeconds, exp: now + jwtSeconds, iss: access.appId };
  const text = [{ alg: "RS256", typ: "JWT" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${createSign("RSA-SHA256").update(text).sign(key, "base64url")}`;
}

async function readKey(file: string): Promise<KeyObject> {
  const setting = "access.github_app.private_key_file";
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new AppError("unauthorized", `${setting}: ${file} cannot be read (${cause.code})`, { cause });
  });
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === "rsa") return key;
  } catch (_unreadable) {
    // What could not be read may be a part of the key: it is not shown.
  }
  throw new AppError("unauthorized", `${setting}: ${file} is not an RSA key in PEM, as GitHub gives it for the app`);
}

interface Question {
  readonly method: "GET" | "POST";
  readonly authorization: string;
  readonly body?: string;
}

async function ask(call: Call, path: string, { method, authorization, body }: Question): Promise<unknown> {
  const { api, signal } = call;
  const headers = {
    ...{ authorization, accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" },
    ...{ "user-agent": "mergedock", ...(body === undefined ? {} : { "content-type": "application/json" }) },
  };
  const init = { method, headers, redirect: "manual", ...(body === undefined ? {} : { body }) } as const;
  try {
    const response = await fetch(`${api}${path}`, {
      ...init,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    });
    const text = await response.text();
    if (!response.ok) throw refusal(call, path, response.status);
    return JSON.parse(text);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    throw new AppError("unavailable", `${api} does not answer as GitHub does`, { cause });
  }
}

function refusal({ access, api, url }: Call, path: string, status: number): AppError {
  const app = `app ${access.appId}`;
  if (status === 401) {
    const what = "check access.github_app.app_id, its private_key_file, and this machine's clock";
    return new AppError("unauthorized", `${api} refuses the key of ${app}; ${what}`);
  }
  if (status === 404) {
    const what = path.startsWith("/repos/")
      ? `${app} is not installed where ${url} is: install it there`
      : `${app} has no installation ${access.installationId}: leave out access.github_app.installation_id to have it found`;
    return new AppError("not_found", what);
  }
  if (status === 422) {
    const what = `let its installation reach the repository, with the permission "Contents: read"`;
    return new AppError("not_found", `${app} does not reach ${url}; ${what}`);
  }
  if (status === 403) return new AppError("forbidden", `${api} answers 403 to ${app}; is its installation suspended?`);
  return new AppError("unavailable", `${api}${path} answers ${status}`);
}
