// One request to a server's API: where it is and which token it wants come from the command line, or from the configuration.

import { readFile } from "node:fs/promises";
import { AppError, type ErrorCode, errorCodes } from "../core/errors.ts";

/** What the configuration says; asked only for what the command line leaves open. */
export interface ClientDefaults {
  /** `http://127.0.0.1:8080`. */
  readonly server: () => string;
  readonly token: () => Promise<string>;
}

export interface ClientOptions {
  readonly server: string | undefined;
  readonly tokenFile: string | undefined;
}

export interface ApiCall {
  readonly path: string;
  /** Sent by POST as JSON. */
  readonly body: object;
}

/** A prune may take minutes. */
const answerMsMax = 10 * 60_000;

/** Throws what the server says is wrong, under its code; `unavailable` where no server answers. */
export async function callApi(defaults: ClientDefaults, options: ClientOptions, call: ApiCall): Promise<unknown> {
  const url = URL.parse(call.path, options.server ?? defaults.server());
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new AppError("invalid", `--server ${options.server} has to be a URL, such as http://127.0.0.1:8080`);
  const token = options.tokenFile === undefined ? await defaults.token() : await readToken(options.tokenFile);
  const request = {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(call.body),
    signal: AbortSignal.timeout(answerMsMax),
  };
  const response = await fetch(url, request).catch((cause: Error) => {
    const why = cause.cause instanceof Error ? cause.cause.message : cause.message;
    throw new AppError(
      "unavailable",
      `no server answers at ${url.origin}: ${why}; does it run, and is --server right?`,
      { cause },
    );
  });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response.status, answer);
  return answer;
}

export async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code; // of node:fs
    throw new AppError(
      "invalid",
      `the token file ${file} cannot be read (${why}); name another one with --token-file`,
      { cause },
    );
  }
}

/** Source: RFC 9457; the server's problems have their code as the title. */
function refusal(status: number, answer: unknown): AppError {
  const { title = "", detail = "" } = (answer ?? {}) as { title?: string; detail?: string }; // every field may be missing
  const code = errorCodes.find((one): one is ErrorCode => one === title.replaceAll(" ", "_")) ?? "unavailable";
  // `invalid` is for what was typed here: an exit code tells the two apart.
  return new AppError(code === "invalid" ? "internal" : code, `the server answered ${status}: ${detail || title}`);
}
