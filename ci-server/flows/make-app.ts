// Has GitHub make an App of ours: a person is led there with a manifest and led back with a code, for which the App's key is given.

import { appManifest, newAppUrl } from "../core/app-manifest.ts";
import { AppError } from "../core/errors.ts";
import { noPublicUrl } from "../core/hook.ts";
import type { AppRequests, MadeApp, SecretStore } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";

/** Whoever takes longer begins again. GitHub's own limit for the code is an hour. */
const secondsMax = 15 * 60;

export interface AppParts {
  readonly requests: AppRequests;
  readonly repositories: readonly Repository[];
  /** Where Apps can be made. */
  readonly hosts: readonly string[];
  readonly payloadUrl: (forge: string, signal: AbortSignal) => Promise<string | null>;
  /** Throws `not_found`, `unavailable`. */
  readonly convert: (host: string, code: string, signal: AbortSignal) => Promise<MadeApp>;
  readonly secretStore: Pick<SecretStore, "keep">;
  /** Returns the file. */
  readonly keepKey: (app: MadeApp) => Promise<string>;
}

export interface BeginApp {
  /** Null makes it the person's own. */
  readonly organization: string | null;
  readonly host: string;
  /** Of the dashboard: `http://127.0.0.1:8080`. */
  readonly origin: string;
  readonly state: { readonly token: string; readonly hash: Uint8Array };
  readonly sessionHash: Uint8Array;
}

/** Where the browser goes, and what it brings along. Throws `invalid` and `unavailable`. */
export async function beginApp(parts: AppParts, begin: BeginApp, signal: AbortSignal) {
  const { organization, host, origin, state, sessionHash } = begin;
  if (!parts.hosts.includes(host))
    throw new AppError(
      "invalid",
      `no App is made at ${host}; hosts of configured repositories: ${parts.hosts.join(", ")}`,
    );
  const payloadUrl = await parts.payloadUrl("github", signal);
  if (payloadUrl === null) throw noPublicUrl();
  await parts.requests.begin({ hash: state.hash, sessionHash, host }, secondsMax);
  const name = `mergedock-${state.token
    .replaceAll(/[^A-Za-z0-9]/g, "")
    .slice(-6)
    .toLowerCase()}`;
  const redirectUrl = `${origin}/setup/github-app`;
  const manifest = appManifest({ name, url: origin, payloadUrl, redirectUrl, repositories: parts.repositories });
  return { action: newAppUrl(host, organization, state.token), manifest: JSON.stringify(manifest) };
}

export interface EndApp {
  readonly code: string;
  readonly stateHash: Uint8Array;
  readonly sessionHash: Uint8Array;
}

/** Throws `forbidden` for a state that this session did not begin, or did long ago; and what the forge says. */
export async function endApp(parts: AppParts, { code, stateHash, sessionHash }: EndApp, signal: AbortSignal) {
  const host = await parts.requests.take(stateHash, sessionHash);
  if (host === null)
    throw new AppError(
      "forbidden",
      "this App was not begun in this session, or too long ago: begin again on the set-up page",
    );
  const app = await parts.convert(host, code, signal);
  // The key can be made anew on GitHub; without the secret the App's deliveries would be refused.
  const { webhookSecret: secret } = app;
  if (secret !== null) await parts.secretStore.keep({ secret, origin: "app", isRolledOut: true });
  const privateKeyFile = await parts.keepKey(app);
  const { id, slug, pageUrl } = app;
  return { id, slug, privateKeyFile, installUrl: `${pageUrl}/installations/new`, lines: linesOf(id, privateKeyFile) };
}

/** For mergedock.yml. */
function linesOf(id: string, file: string): string {
  return `access:\n  github_app:\n    app_id: ${id}\n    private_key_file: ${JSON.stringify(file)}\n`;
}
