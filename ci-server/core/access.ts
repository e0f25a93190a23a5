// How a private repository is entered: with a token, as a GitHub App, or with a deploy key. All of it names files, none is a secret.

import { z } from "zod";

export interface TokenAccess {
  readonly kind: "token";
  readonly tokenFile: string;
  readonly username: string;
}

export interface GithubAppAccess {
  readonly kind: "github_app";
  readonly appId: string;
  /** Null: asked of GitHub for each repository. */
  readonly installationId: number | null;
  readonly privateKeyFile: string;
  /** Null: the one that belongs to the repository's host. */
  readonly apiUrl: string | null;
}

export interface DeployKeyAccess {
  readonly kind: "deploy_key";
  readonly deployKeyFile: string;
  readonly knownHostsFile: string;
}

export type Access = TokenAccess | GithubAppAccess | DeployKeyAccess;

const file = z.string().min(1);
/** Of a forge. */
export const apiUrl = z.url().refine(isSecret, "has to be https://; a secret is not sent in clear");

const githubApp = z.strictObject({
  app_id: z.union([z.number().int().positive(), z.string().regex(/^[A-Za-z0-9.]{1,64}$/, "has to be an id")]),
  installation_id: z.number().int().positive().optional(),
  private_key_file: file,
  api_url: apiUrl.optional(),
});

/** Exactly one of the three. */
export const accessField = z
  .strictObject({
    token_file: file.optional(),
    username: z
      .string()
      .regex(/^[^:\p{Cc}]{1,255}$/u, "must not hold a colon")
      .optional(),
    github_app: githubApp.optional(),
    deploy_key_file: file.optional(),
    known_hosts_file: file.optional(),
  })
  .transform((value, ctx): Access => {
    const { token_file, username, github_app, deploy_key_file, known_hosts_file } = value;
    const refuse = (message: string) => {
      ctx.addIssue({ code: "custom", message });
      return z.NEVER;
    };
    if ([token_file, github_app, deploy_key_file].filter((kind) => kind !== undefined).length !== 1)
      return refuse("needs exactly one of token_file, github_app, deploy_key_file");
    if (username !== undefined && token_file === undefined) return refuse("username belongs to token_file");
    if ((known_hosts_file === undefined) !== (deploy_key_file === undefined))
      return refuse("needs both deploy_key_file and known_hosts_file: a host whose key is not known is not trusted");
    if (token_file !== undefined)
      return { kind: "token", tokenFile: token_file, username: username ?? "x-access-token" };
    if (github_app !== undefined) return toAppAccess(github_app);
    return { kind: "deploy_key", deployKeyFile: deploy_key_file ?? "", knownHostsFile: known_hosts_file ?? "" };
  });

function toAppAccess(app: z.infer<typeof githubApp>): GithubAppAccess {
  return {
    kind: "github_app",
    appId: String(app.app_id),
    installationId: app.installation_id ?? null,
    privateKeyFile: app.private_key_file,
    apiUrl: app.api_url?.replace(/\/+$/, "") ?? null,
  };
}

/** What is wrong with an access for this URL and what to do, or null. */
export function accessMistake(access: Access, url: string): string | null {
  const isSsh = URL.parse(url)?.protocol === "ssh:";
  if (access.kind === "deploy_key")
    return isSsh
      ? null
      : "deploy_key_file needs a url that begins with ssh://, such as ssh://git@github.com/acme/shop.git";
  if (isSsh) return "a token is for https://; an ssh:// url needs deploy_key_file and known_hosts_file";
  return isSecret(url) ? null : "a token is not sent over http://; the url has to begin with https://";
}

/** Nobody listens on the way: https, or http that stays on this machine. */
export function isSecret(text: string): boolean {
  const url = URL.parse(text);
  if (url?.protocol === "https:") return true;
  return url?.protocol === "http:" && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}

/** What it needs of this machine, by the setting that names it. */
export function filesOf(access: Access): readonly (readonly [setting: string, file: string])[] {
  if (access.kind === "token") return [["access.token_file", access.tokenFile]];
  if (access.kind === "github_app") return [["access.github_app.private_key_file", access.privateKeyFile]];
  return [
    ["access.deploy_key_file", access.deployKeyFile],
    ["access.known_hosts_file", access.knownHostsFile],
  ];
}

/** The same access, with its files as `resolve` gives them. */
export function withFiles(access: Access, resolve: (file: string) => string): Access {
  if (access.kind === "token") return { ...access, tokenFile: resolve(access.tokenFile) };
  if (access.kind === "github_app") return { ...access, privateKeyFile: resolve(access.privateKeyFile) };
  const { deployKeyFile, knownHostsFile } = access;
  return { ...access, deployKeyFile: resolve(deployKeyFile), knownHostsFile: resolve(knownHostsFile) };
}
