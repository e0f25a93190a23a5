// What GitHub's refusals mean, and what to do about each. What was caught is not passed on: it has the request in it, and a hook's
// request has the hook's secret.
// Source: GitHub documentation, "Troubleshooting the REST API", "Rate limits for the REST API".

import { AppError, type ErrorCode } from "../../core/errors.ts";
import type { Answer } from "./answer.ts";
import { type AppPermission, titleOf } from "./permissions.ts";

const secondMs = 1_000;
const charsMax = 400;

export interface RefusalParts {
  /** `GET /repos/acme/shop/hooks`. */
  readonly what: string;
  readonly apiUrl: string;
  /** `app 4711`, `the token of access.token_file (/etc/token)`. */
  readonly who: string;
  readonly isApp: boolean;
  /** What the question needs. */
  readonly permission: AppPermission;
  /** Not to be in any message. */
  readonly secrets: readonly string[];
  readonly explain?: Explain;
}

/** What a refusal means and what to do about it; null: what it usually does. */
export type Explain = (refusal: Refusal) => AppError | null;

export interface Refusal {
  readonly status: number;
  readonly headers: Answer["headers"];
  /** GitHub's own words. */
  readonly message: string;
}

/** `waitedMs`: null where it did not take too long. */
export function noAnswer({ apiUrl, what, secrets }: RefusalParts, waitedMs: number | null, cause: unknown): AppError {
  const why = waitedMs === null ? hide(reasonOf(cause), secrets) : `nothing within ${waitedMs / secondMs} s`;
  return new AppError("unavailable", `${what}: ${apiUrl} does not answer as GitHub does (${why})`);
}

export function toRefusal(parts: RefusalParts, refusal: Refusal): AppError {
  const { status, headers } = refusal;
  const told = hide(refusal.message, parts.secrets);
  const says = `${parts.what}: ${parts.apiUrl} answers ${status}${told === "" ? "" : ` (${told})`}`;
  const retryAfterMs = waitMs(headers);
  const isSecondary = /secondary rate|abuse/i.test(told);
  const details = retryAfterMs === null ? {} : { retryAfterMs };
  if (isTooMany(refusal, retryAfterMs))
    return new AppError("rate_limited", says, { details: { ...details, isSecondary } });
  if (status >= 500 || status === 408) return new AppError("unavailable", says, { details });
  const explained = parts.explain?.(refusal) ?? null;
  if (explained !== null) return explained;
  const [code, fix] = meaningOf(parts, { ...refusal, message: told });
  return new AppError(code, `${says}; ${fix}`);
}

/** GitHub answers 403 or 429 to both kinds of limit, and not always with a word on how long. */
function isTooMany({ status, message }: Refusal, retryAfterMs: number | null): boolean {
  if (status === 429) return true;
  return status === 403 && (retryAfterMs !== null || /rate limit|abuse detection/i.test(message));
}

/** Null where the answer names no time before which nothing is to be asked. By GitHub's clock, where it tells it. */
function waitMs(headers: Answer["headers"]): number | null {
  const after = headers["retry-after"];
  if (after !== undefined && Number.isFinite(Number(after))) return Number(after) * secondMs;
  if (String(headers["x-ratelimit-remaining"]) !== "0") return null;
  return resetMs(headers);
}

/** Null where the answer does not say it. */
export function resetMs(headers: Answer["headers"]): number | null {
  const reset = Number(headers["x-ratelimit-reset"] ?? Number.NaN) * secondMs;
  const told = Date.parse(String(headers.date));
  const now = Number.isFinite(told) ? told : Date.now();
  return Number.isFinite(reset) ? Math.max(reset - now, secondMs) : null;
}

function meaningOf(parts: RefusalParts, refusal: Refusal): readonly [ErrorCode, string] {
  const { status, message } = refusal;
  if (status === 401) return ["unauthorized", `${parts.who} is refused; ${secretFix(parts)}`];
  if (status === 403) return ["forbidden", forbiddenFix(parts, refusal)];
  if (status === 404) return ["not_found", notFoundFix(parts)];
  if (status === 410) return ["not_found", "it is switched off for this repository, or gone"];
  if (status === 451) return ["forbidden", "GitHub has blocked the repository"];
  return ["invalid", /archived/i.test(message) ? archivedFix : "GitHub takes no such value"];
}

const archivedFix = "the repository is archived: unarchive it, or take it out of mergedock.yml";

function secretFix({ isApp }: RefusalParts): string {
  return isApp
    ? "check access.github_app.app_id, its private_key_file, and this machine's clock"
    : "write a token that is valid into the file";
}

function forbiddenFix(parts: RefusalParts, { headers, message }: Refusal): string {
  const { who, isApp, permission } = parts;
  if (/archived/i.test(message)) return archivedFix;
  if (/suspended/i.test(message)) return `the installation of ${who} is suspended: whoever installed it unsuspends it`;
  if (/SAML|single sign-on/i.test(message)) return `authorize ${who} for the organization's single sign-on`;
  const needs = String(headers["x-accepted-github-permissions"] ?? "");
  const also = needs === "" ? "" : ` (GitHub: ${needs.slice(0, charsMax)})`;
  if (isApp || /personal access token/i.test(message)) return `${lacking(who, permission, isApp)}${also}`;
  const scopes = String(headers["x-accepted-oauth-scopes"] ?? "");
  return `whoever made ${who} may not do this${scopes === "" ? "" : `; a classic token needs one of: ${scopes.slice(0, charsMax)}`}`;
}

export function lacking(who: string, permission: AppPermission, isApp: boolean): string {
  const where = isApp
    ? 'tick it under "Permissions & events" of the app, and accept it where it is installed'
    : "tick it in the token's settings";
  return `${who} lacks the permission "${titleOf(permission)}": ${where}`;
}

function notFoundFix({ who, isApp, permission }: RefusalParts): string {
  if (isApp) return "it is not there, or the app is not installed for it";
  const right = permission.name === "repository_hooks" ? "; hooks are seen by those alone who administer it" : "";
  return `it is not there, or ${who} does not let in to it${right}`;
}

/** GitHub's words may repeat what it was sent. */
function hide(text: string, secrets: readonly string[]): string {
  const hidden = secrets.filter((one) => one !== "").reduce((shown, one) => shown.replaceAll(one, "***"), text);
  return hidden.length > charsMax ? `${hidden.slice(0, charsMax)}…` : hidden;
}

/** `ECONNREFUSED`, or the words of an error that has no code. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  if (typeof code === "string") return `${code}${certificateHint(code)}`;
  return cause.cause === undefined ? cause.message : reasonOf(cause.cause);
}

/** Of an Enterprise Server behind a CA of its own. */
function certificateHint(code: string): string {
  return /CERT|SELF_SIGNED|ISSUER|VERIFY/.test(code) ? ": name its CA's certificate in NODE_EXTRA_CA_CERTS" : "";
}
