// Serves bare repositories over ssh: a real sshd on loopback that takes one key, for git's reading alone.

import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { startService } from "./service.ts";

export type SshServer = {
  /** `ssh://root@127.0.0.1:<port>`; the repository `acme/shop` below root is at `<url>/acme/shop.git`. */
  readonly url: string;
  /** A private key that is let in, and what known_hosts says of this server. */
  readonly keyFile: string;
  readonly knownHostsFile: string;
  stop(): Promise<void>;
};

const run = promisify(execFile);

/** Needs root and /usr/sbin/sshd. `folder` takes its keys and its log; it must not be there yet. */
export async function startSshServer({
  root,
  folder,
}: {
  readonly root: string;
  readonly folder: string;
}): Promise<SshServer> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Where sshd parts with its privileges.
  await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const [hostKey, keyFile] = [await makeKey(folder, "host"), await makeKey(folder, "deploy")];
  const port = await freePort();
  const knownHostsFile = join(folder, "known_hosts");
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${await readFile(`${hostKey}.pub`, "utf8")}`);
  await writeFile(join(folder, "authorized_keys"), await authorizedKey(root, folder, keyFile), { mode: 0o600 });
  await writeFile(join(folder, "config"), configuration(folder, hostKey, port));
  const service = await startService({
    command: ["/usr/sbin/sshd", "-D", "-e", "-f", join(folder, "config")],
    logFile: join(folder, "log"),
    isReady: () => isOpen(port),
    readyTimeoutMs: 10_000,
    stopTimeoutMs: 5_000,
  });
  return { url: `ssh://root@127.0.0.1:${port}`, keyFile, knownHostsFile, stop: service.stop };
}

export async function makeKey(folder: string, name: string): Promise<string> {
  const file = join(folder, name);
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file]);
  return file;
}

/** As a forge: whatever the client asks for, it is git's reading below root. */
async function authorizedKey(root: string, folder: string, keyFile: string): Promise<string> {
  const script = join(folder, "serve");
  const lines = [
    "#!/bin/sh",
    "# git-upload-pack '/acme/shop.git'",
    `name=\${SSH_ORIGINAL_COMMAND#git-upload-pack \\'}`,
    'case "$name" in *..*) exit 1 ;; esac',
    `GIT_PROTOCOL="$GIT_PROTOCOL" GIT_CONFIG_GLOBAL=/dev/null exec git upload-pack "${root}/\${name%\\'}"`,
    "",
  ];
  await writeFile(script, lines.join("\n"), { mode: 0o755 });
  return `restrict,command="${script}" ${await readFile(`${keyFile}.pub`, "utf8")}`;
}

function configuration(folder: string, hostKey: string, port: number): string {
  return [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    `PidFile ${join(folder, "pid")}`,
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "UsePAM no",
    "AcceptEnv GIT_PROTOCOL",
    // The folders of tests lie in /tmp, where everybody may write.
    "StrictModes no",
    "",
  ].join("\n");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", end(true)).once("error", end(false));
  });
}
