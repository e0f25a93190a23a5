// Lets one server at a time use a state folder: its database, mirrors and worktrees have one owner.

import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";
import { AppError } from "../core/errors.ts";

/** Held until `release` or the end of the process, however that ends. */
export interface StateLock {
  release(): Promise<void>;
}

/** Throws `unavailable` with the pid of the server that has it. An abstract socket of Linux: the kernel removes it with its process. */
export async function lockState(folder: string): Promise<StateLock> {
  if (process.platform !== "linux") return { release: async () => undefined };
  const name = `\0mergedock-state-${createHash("sha256").update(folder).digest("hex")}`;
  const server = createServer((client) => client.end(String(process.pid)));
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(name, resolve);
    });
  } catch (cause) {
    const message = `another Mergedock (pid ${await pidOf(name)}) uses ${folder}; stop it, or choose another state_dir`;
    throw new AppError("unavailable", message, { cause });
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function pidOf(name: string): Promise<string> {
  return new Promise((resolve) => {
    const client = connect(name);
    client.setTimeout(1_000, () => client.destroy());
    client.once("data", (data) => resolve(data.toString()));
    client.once("error", () => resolve("unknown"));
    client.once("close", () => resolve("unknown"));
  });
}
