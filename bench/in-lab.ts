// Runs a bench where the tests run: in private namespaces, with an engine, a registry and a git server of its own.

import { mkdir, realpath } from "node:fs/promises";
import { currentNamespace } from "../lab/current-namespace.ts";
import { runInNamespace } from "../lab/namespace.ts";
import { installPackages } from "../lab/packages.ts";
import { root, runFolder, testState } from "../test/helpers/folders.ts";

const packages = ["git", "iproute2", "docker.io", "docker-registry", "busybox-static"];

/** Outside of the namespaces it starts the bench of this name anew inside, and waits for its end. */
export async function inLab(name: string, work: () => Promise<void>): Promise<void> {
  const isInside = await currentNamespace().then(
    () => true,
    () => false,
  );
  await mkdir(runFolder, { recursive: true });
  if (isInside) return work();
  await installPackages(packages);
  const command = [process.execPath, `${root}/bench/run.ts`, name];
  const { exitCode, leftovers } = await runInNamespace({ root: await realpath(root), writable: [testState], command });
  for (const line of leftovers) console.error(`left behind: ${line}`);
  process.exitCode = exitCode;
}
