// The server of the demo: `ci-server/main.ts` as a process of its own, configured by a file as an operator's would be.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import type { DemoRegistry } from "./registry.ts";

export interface ServerOptions {
  readonly folder: string;
  readonly engineHost: string;
  readonly registry: DemoRegistry;
  readonly repository: { readonly name: string; readonly url: string };
  /** Gets each line of the server's own report. */
  readonly onLine: (line: string) => void;
}

export interface DemoServer {
  readonly webhookUrl: string;
  readonly webhookSecret: string;
  readonly apiUrl: string;
  readonly adminToken: string;
  stop(): Promise<void>;
}

const main = path.join(import.meta.dirname, "../ci-server/main.ts");

export async function startServer(options: ServerOptions): Promise<DemoServer> {
  const { folder } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(path.join(folder, "mergedock.yml"), JSON.stringify(configuration(options), null, 2));
  // None of the caller's MERGEDOCK_* or DATABASE_URL may steer the demo.
  const child = spawn(process.execPath, [main, "serve"], {
    cwd: folder,
    env: { PATH: process.env.PATH, MERGEDOCK_LOG_LEVEL: "warn" },
  });
  const stop = () => end(child);
  try {
    const urls = await readReport(child, options.onLine);
    const secret = async (name: string) => (await readFile(path.join(folder, "state/secrets", name), "utf8")).trim();
    return { ...urls, webhookSecret: await secret("webhook-secret"), adminToken: await secret("admin-token"), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configuration({ engineHost, registry, repository }: ServerOptions): object {
  return {
    listen: { api: "127.0.0.1:0", webhooks: "127.0.0.1:0" },
    engine: { host: engineHost },
    registry: {
      push_host: registry.host,
      api_url: registry.apiUrl,
      ca_file: registry.caFile,
      username: registry.username,
      password_file: registry.passwordFile,
    },
    repositories: [{ ...repository, branches: ["main"] }],
  };
}

/** The report's lines tell where the server listens; its last one, `repositories`, that it serves. */
async function readReport(
  child: ChildProcess,
  onLine: (line: string) => void,
): Promise<{ webhookUrl: string; apiUrl: string }> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("the server has no output");
  let complaint = "";
  stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  const urls: Record<string, string> = {};
  for await (const line of createInterface({ input: stdout })) {
    onLine(line);
    const [name = "", text = ""] = line.split(/\s+/, 2);
    urls[name] = text;
    if (name !== "repositories") continue;
    return { webhookUrl: urls.webhooks ?? "", apiUrl: urls.api ?? "" };
  }
  throw new Error(`the server ended before it was ready: ${complaint.trim()}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}
