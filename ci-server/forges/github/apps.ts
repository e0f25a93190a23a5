// Gets tokens of GitHub Apps' installations, for git and for the API: each for one repository and for one permission.
// The library signs; it does not ask for the tokens, because it holds those that are on their way under the installation's number
// alone, and two servers may have the same.
// Source: GitHub documentation, "Create an installation access token for an app".

import { z } from "zod";
import type { Credential } from "../../adapters/forge-gate-parts.ts";
import { Turns } from "../../adapters/turns.ts";
import { AppError } from "../../core/errors.ts";
import type { Answer } from "./answer.ts";
import { signAsApp } from "./app-key.ts";
import { explainInstallation, explainToken, type TokenAbout } from "./app-refusals.ts";
import { askGithub, type GithubParts, parseAnswer, type Question } from "./client.ts";
import type { Refusal } from "./refusal.ts";

/** A token is not given out in its last minutes: a fetch that begins then may outlast it. */
const spareMs = 5 * 60 * 1000;
const keptMax = 1_000;
const skewMsMin = 30_000;

const installation = z.object({ id: z.number().int().positive() });
const accessToken = z.object({ token: z.string().regex(/^[\x21-\x7e]{1,1000}$/), expires_at: z.coerce.date() });

export interface TokenWish extends TokenAbout {
  readonly signal: AbortSignal;
}

export interface AppToken {
  readonly token: string;
  readonly credential: Credential;
}

export interface GithubApps {
  /** The same one until shortly before it ends. May run several times at once. */
  token(wish: TokenWish): Promise<AppToken>;
  forget(token: string): void;
  /** A question that the App asks as itself. */
  ask(app: AppAbout, question: Question): Promise<Answer>;
}

export type AppAbout = Pick<TokenWish, "access" | "apiUrl">;

export function createGithubApps(parts: GithubParts): GithubApps {
  const kept = new Map<string, AppToken & { readonly endsMs: number }>();
  const installations = new Map<string, number>();
  const turns = new Turns();
  const asking = { parts, installations, skewMs: new Map<string, number>() };
  return {
    token(wish) {
      const { apiUrl, access, owner, name, permission } = wish;
      const key = JSON.stringify([apiUrl, access, owner, name, permission]);
      return turns.take(key, wish.signal, async () => {
        const found = kept.get(key);
        if (found !== undefined && found.endsMs - spareMs > parts.clock.now().getTime()) return found;
        kept.delete(key);
        const made = await makeToken(asking, wish);
        if (kept.size >= keptMax) kept.clear();
        kept.set(key, made);
        return made;
      });
    },
    forget(token) {
      for (const [key, { token: one }] of kept) if (Buffer.from(one).equals(Buffer.from(token))) kept.delete(key);
    },
    ask: (app, question) => asApp(asking, app, question),
  };
}

interface Asking {
  readonly parts: GithubParts;
  /** By API, app and repository. */
  readonly installations: Map<string, number>;
  /** How far GitHub's clock is ahead of ours, by API, where it has refused us for that. */
  readonly skewMs: Map<string, number>;
}

async function makeToken(asking: Asking, wish: TokenWish): Promise<AppToken & { readonly endsMs: number }> {
  const { access, apiUrl, owner, name, permission, signal } = wish;
  const { installations } = asking;
  const key = JSON.stringify([apiUrl, access.appId, owner, name]);
  const known = installations.get(key);
  const id = access.installationId ?? known ?? (await findInstallation(asking, wish));
  if (installations.size >= keptMax) installations.clear();
  installations.set(key, id);
  const question = {
    route: "POST /app/installations/{installation_id}/access_tokens",
    parameters: { installation_id: id, repositories: [name], permissions: { [permission.name]: permission.level } },
    ...{ signal, explain: explainToken(wish) },
  };
  const answer = await asApp(asking, wish, question).catch((error: unknown) => {
    const isGone = error instanceof AppError && error.code === "not_found";
    if (isGone) installations.delete(key);
    // It may have been installed anew, under another number.
    if (isGone && known !== undefined && access.installationId === null) return null;
    throw error;
  });
  if (answer === null) return makeToken(asking, wish);
  const { token, expires_at } = parseAnswer(accessToken, answer, `a token for ${owner}/${name}`);
  const credential = {
    key: JSON.stringify(["installation", access.appId, id]),
    name: `app ${access.appId} (installation ${id})`,
  };
  return { token, credential, endsMs: expires_at.getTime() };
}

async function findInstallation(asking: Asking, wish: TokenWish): Promise<number> {
  const { owner, name, signal } = wish;
  const question = {
    route: "GET /repos/{owner}/{repo}/installation",
    parameters: { owner, repo: name },
    ...{ signal, explain: explainInstallation(wish) },
  };
  return parseAnswer(installation, await asApp(asking, wish, question), `the installation for ${owner}/${name}`).id;
}

/** Once more by GitHub's clock, where ours is wrong. */
async function asApp(asking: Asking, app: AppAbout, question: Question): Promise<Answer> {
  const { parts, skewMs } = asking;
  const { access, apiUrl } = app;
  const credential = { key: JSON.stringify(["app", access.appId]), name: `app ${access.appId}` };
  const now = () => parts.clock.now().getTime();
  let seenMs = 0;
  const explain = (refusal: Refusal) => {
    const told = Date.parse(String(refusal.headers.date));
    if (refusal.status === 401 && Number.isFinite(told)) seenMs = told - now();
    return question.explain?.(refusal) ?? null;
  };
  const askAt = async (aheadMs: number) => {
    const token = await signAsApp(access, new Date(now() + aheadMs));
    return askGithub(parts, { apiUrl, credential, isApp: true, token, remembered: null }, { ...question, explain });
  };
  const assumedMs = skewMs.get(apiUrl) ?? 0;
  try {
    return await askAt(assumedMs);
  } catch (error) {
    if (Math.abs(seenMs - assumedMs) < skewMsMin) throw error;
    skewMs.set(apiUrl, seenMs);
    return askAt(seenMs);
  }
}
