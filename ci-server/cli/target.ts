// Which server is meant and which token it gets: the command line, else the environment, else the configuration of this folder.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../core/errors.ts";
import type { Target } from "./client.ts";

/** What the configuration says; asked only for what is left open. */
export interface ClientDefaults {
  /** `http://127.0.0.1:8080`. */
  readonly server: () => Promise<string>;
  readonly token: () => Promise<string>;
}

export interface TargetRequest {
  /** --server and --token-file. */
  readonly server: string | null;
  readonly tokenFile: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative files of the environment start here. */
  readonly folder: string;
  readonly defaults: ClientDefaults;
}

/** Throws `invalid` for what is no URL, a file that cannot be read, and a server that must not have this folder's token. */
export async function findTarget(request: TargetRequest): Promise<Target> {
  const { env, defaults } = request;
  const [name, named] =
    request.server === null ? ["MERGEDOCK_SERVER", env.MERGEDOCK_SERVER] : ["--server", request.server];
  const server = named ? readServer(name, named) : readServer("listen.api", await defaults.server());
  return { server, token: (await findToken(request)) ?? (await ownToken(server, Boolean(named), defaults)) };
}

function readServer(name: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new AppError("invalid", `${name}: ${JSON.stringify(text)} has to be a URL, such as http://127.0.0.1:8080`);
  if (url.username + url.password !== "")
    throw new AppError("invalid", `${name}: the URL must not hold a name or a password; the token says who asks`);
  return url;
}

async function findToken({ tokenFile, env, folder }: TargetRequest): Promise<string | null> {
  if (tokenFile !== null) return readToken(path.resolve(folder, tokenFile), "--token-file");
  if (env.MERGEDOCK_TOKEN) return checkToken(env.MERGEDOCK_TOKEN, "MERGEDOCK_TOKEN");
  const named = env.MERGEDOCK_TOKEN_FILE;
  return named ? readToken(path.resolve(folder, named), "MERGEDOCK_TOKEN_FILE") : null;
}

/** The token of this folder opens this folder's server: another machine does not get it. */
async function ownToken(server: URL, isNamed: boolean, defaults: ClientDefaults): Promise<string> {
  if (isNamed && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(server.hostname) && !(await isOwn(server, defaults)))
    throw new AppError(
      "invalid",
      `${server.origin} needs a token of its own: name its file with --token-file, or set MERGEDOCK_TOKEN`,
    );
  return checkToken(await defaults.token(), "the token of this folder");
}

async function isOwn(server: URL, defaults: ClientDefaults): Promise<boolean> {
  return URL.parse(await defaults.server().catch(() => ""))?.origin === server.origin;
}

export async function readToken(file: string, name: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const help = "name another one with --token-file, or set MERGEDOCK_TOKEN";
    throw new AppError("invalid", `${name}: the token file ${file} cannot be read (${cause.code}); ${help}`, { cause });
  });
  return checkToken(text, `${name}: ${file}`);
}

/** It would be no header, and whoever refused it as one would say it. */
function checkToken(text: string, name: string): string {
  const token = text.trim();
  if (/^[\u0020-\u007e]+$/.test(token)) return token;
  throw new AppError("invalid", `${name} does not hold a token: one line of letters, digits and signs`);
}
