// How a remote is entered: the header or the ssh command for one URL, made of secrets that are read from their files each time.

import { readFile, stat } from "node:fs/promises";
import type { Access, DeployKeyAccess } from "../core/access.ts";
import { AppError } from "../core/errors.ts";
import type { AccessTokens } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { readToken, unreadable } from "./token-file.ts";

/** How one URL is entered. */
export interface Entry {
  /** Null: it is entered as anybody, because its repository has no `access` or because it is on another host. */
  readonly access: Access | null;
  /** Value of the header Authorization; null where none is sent. */
  readonly authorization: string | null;
  /**
   * For git alone. A process's environment is read by its own user and by root only; its arguments are read by everybody,
   * and a configuration file outlives it.
   */
  readonly env: Readonly<Record<string, string>>;
  /** The token and the header's form of it. */
  readonly secrets: readonly string[];
}

export interface EntryRequest {
  readonly repository: Repository;
  readonly url: string;
  readonly tokens: AccessTokens;
  readonly signal: AbortSignal;
}

const nobody: Entry = { access: null, authorization: null, env: {}, secrets: [] };

/** The repository's secrets are for its own host, whatever else is fetched for it. Throws `unauthorized`, which names the setting. */
export async function entryTo({ repository, url, tokens, signal }: EntryRequest): Promise<Entry> {
  const { access } = repository;
  if (access === null || !isSameHost(url, repository.url)) return nobody;
  if (access.kind === "deploy_key") return { ...nobody, access, env: await sshEnvironment(access) };
  if (access.kind === "token")
    return byToken(access, url, access.username, await readToken(access.tokenFile, "access.token_file"));
  const { apiUrl } = repository.forge;
  const token = await tokens.token({ access, apiUrl, url, signal }).catch((error: unknown) => {
    // A submodule may be where the app is not: the repository's own token reads whatever is public there.
    if (url === repository.url || !(error instanceof AppError) || error.code !== "not_found") throw error;
    return tokens.token({ access, apiUrl, url: repository.url, signal });
  });
  return byToken(access, url, "x-access-token", token);
}

function isSameHost(one: string, other: string): boolean {
  const [a, b] = [new URL(one), new URL(other)];
  return a.protocol === b.protocol && a.host === b.host;
}

/** git sends the header to this URL and what is below it, and nowhere else: the setting bears the URL, and redirects are off. */
function byToken(access: Access, url: string, username: string, token: string): Entry {
  const basic = Buffer.from(`${username}:${token}`).toString("base64");
  const authorization = `Basic ${basic}`;
  const env = {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `http.${url}.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: ${authorization}`,
  };
  return { access, authorization, env, secrets: [token, basic] };
}

const sshOptions = [
  "GlobalKnownHostsFile=/dev/null",
  "StrictHostKeyChecking=yes",
  "UpdateHostKeys=no",
  "IdentitiesOnly=yes",
  "IdentityAgent=none",
  "BatchMode=yes",
  "ConnectTimeout=30",
  "ServerAliveInterval=15",
];

/** Nothing of the machine's own ssh is used: no agent, no configuration, no other key, no question, no host that is not known. */
async function sshEnvironment({ deployKeyFile, knownHostsFile }: DeployKeyAccess): Promise<Record<string, string>> {
  await checkKey(deployKeyFile);
  await readFile(knownHostsFile).catch(unreadable("access.known_hosts_file", knownHostsFile));
  const files = [
    `IdentityFile="${forSsh(deployKeyFile, "access.deploy_key_file")}"`,
    `UserKnownHostsFile="${forSsh(knownHostsFile, "access.known_hosts_file")}"`,
  ];
  const options = [...files, ...sshOptions].flatMap((option) => ["-o", option]);
  const command = ["ssh", "-F", "/dev/null", "-a", "-x", ...options];
  return { GIT_SSH_COMMAND: command.map(forShell).join(" "), GIT_SSH_VARIANT: "ssh" };
}

/** ssh would refuse it too, with a page of text: a key of ours that others may read. */
async function checkKey(file: string): Promise<void> {
  const { mode, uid } = await stat(file).catch(unreadable("access.deploy_key_file", file));
  if (uid !== process.getuid?.() || (mode & 0o077) === 0) return;
  const message = `access.deploy_key_file: others may read ${file}, and ssh takes no such key; run: chmod 600 ${file}`;
  throw new AppError("unauthorized", message);
}

/** ssh reads more into a file's name than a name: % and $ are replaced, quotes and backslashes taken away. */
function forSsh(file: string, setting: string): string {
  if (!/["\\$\p{Cc}]/u.test(file)) return file.replaceAll("%", "%%");
  throw new AppError("unauthorized", `${setting}: ${file} must not have " \\ $ in its name`);
}

/** git hands the command to a shell. */
function forShell(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
