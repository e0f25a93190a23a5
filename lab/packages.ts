// Installs the Debian packages that are missing, and lets none of their services start.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const outputBytesMax = 64 * 1024 * 1024;
const policyFile = "/usr/sbin/policy-rc.d";
// The comment tells a policy of ours that was left by a killed run from one of the machine's owner.
const policy = "#!/bin/sh\n# mergedock: no service starts while packages are being installed\nexit 101\n";

/** Debian or Ubuntu, as root; anywhere else it throws what is missing and how to help, unless nothing is missing. */
export async function installPackages(names: readonly string[]): Promise<void> {
  const installed = await installedPackages();
  const missing = names.filter((name) => !installed.has(name));
  if (missing.length === 0) return;
  await refuseElsewhere(missing);
  process.stderr.write(`packages: installing ${missing.join(" ")}\n`);
  await withoutInterruption(() => withoutServices(() => aptInstall(missing)));
  const added = [...(await installedPackages())].filter((name) => !installed.has(name));
  await disableServices(added);
}

async function installedPackages(): Promise<Set<string>> {
  const format = `\${db:Status-Abbrev} \${Package}\n`;
  const { stdout } = await run("dpkg-query", ["-W", "-f", format], { maxBuffer: outputBytesMax }).catch(noDpkg);
  // Two letters: what is wanted (an owner may hold a package), and that it is installed.
  const names = stdout.matchAll(/^.i\s+(\S+)$/gm).map((match) => match[1] ?? "");
  return new Set(names);
}

function noDpkg(error: NodeJS.ErrnoException): { stdout: string } {
  if (error.code === "ENOENT") return { stdout: "" };
  throw error;
}

async function refuseElsewhere(missing: readonly string[]): Promise<void> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const isDebian = /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
  if (isDebian && process.getuid?.() === 0) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  const help = isDebian
    ? `run this again as root, or install them yourself: sudo sh -c '${command}'`
    : "on Debian or Ubuntu they are installed for you; elsewhere install what they hold with your own package manager";
  throw new Error(
    `missing packages: ${missing.join(", ")}; ${help}. A Docker engine that already runs is used when DOCKER_HOST points to it.`,
  );
}

async function aptInstall(missing: readonly string[]): Promise<void> {
  const options = ["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
  await apt([...options, "update"]);
  await apt([...options, "install", "-y", "--no-install-recommends", ...missing]);
}

async function apt(args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
  await run("apt-get", args, { env, maxBuffer: outputBytesMax }).catch(
    (error: Error & { stdout?: string; stderr?: string }) => {
      const output = `${error.stdout ?? ""}${error.stderr ?? ""}`.trimEnd().split("\n").slice(-20).join("\n");
      throw new Error(`apt-get ${args.at(-1) === "update" ? "update" : "install"} failed:\n${output}`, {
        cause: error,
      });
    },
  );
}

/** Ctrl-C ends apt-get, and then what has to be undone is undone, before it ends us too. */
async function withoutInterruption(work: () => Promise<void>): Promise<void> {
  let received: NodeJS.Signals | undefined;
  const note = (signal: NodeJS.Signals) => {
    received = signal;
  };
  process.on("SIGINT", note).on("SIGTERM", note);
  try {
    await work();
  } finally {
    process.off("SIGINT", note).off("SIGTERM", note);
    if (received !== undefined) process.kill(process.pid, received);
  }
}

/** `invoke-rc.d` asks /usr/sbin/policy-rc.d before it starts anything; one that is there belongs to the machine's owner. */
async function withoutServices(install: () => Promise<void>): Promise<void> {
  const there = await readFile(policyFile, "utf8").catch(() => undefined);
  if (there !== undefined && there !== policy) return install();
  await writeFile(policyFile, policy, { mode: 0o755 });
  try {
    await install();
  } finally {
    await rm(policyFile, { force: true });
  }
}

/** Otherwise what these packages brought would start at the next boot. Services that were there before are not touched. */
async function disableServices(added: readonly string[]): Promise<void> {
  if (added.length === 0 || !existsSync("/run/systemd/system")) return;
  const { stdout } = await run("dpkg", ["-L", ...added], { maxBuffer: outputBytesMax });
  const units = stdout.match(/(?<=\/systemd\/system\/)[^/\n@]+\.(service|socket|timer)$/gm) ?? [];
  if (units.length > 0) await run("systemctl", ["--root=/", "disable", ...new Set(units)]);
}
