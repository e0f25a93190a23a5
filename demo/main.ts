// `npm run demo`: the whole way from a merged pull request to a running container, on real parts, and away again.

import { realpath } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { runInNamespace } from "../lab/namespace.ts";
import { installPackages } from "../lab/packages.ts";
import { findEngine } from "./find-engine.ts";
import { createNarrator } from "./narrator.ts";
import { runDemo } from "./run-demo.ts";

const help = `npm run demo [-- OPTIONS]: merges a pull request in a sample repository and shows it become an image

  --json           print one JSON object on stdout: { reference, digest, stages, output }
  --folder FOLDER  where the demo keeps its engine and its files, below this clone (default: state/demo)

It uses the Docker engine of DOCKER_HOST or /var/run/docker.sock where one answers; otherwise, as root on Debian or
Ubuntu, a private one in namespaces of its own. Everything that it starts is stopped at the end.
`;

const packages = ["git", "busybox-static"];
// Only where no engine answers: a private one, and a registry beside it.
const privatePackages = [...packages, "docker.io", "docker-registry", "iproute2"];

const root = path.join(import.meta.dirname, "..");

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      folder: { type: "string", default: "state/demo" },
      help: { type: "boolean", default: false },
      // Both set by the demo itself when it starts again in its namespaces.
      private: { type: "boolean", default: false },
      started: { type: "string", default: String(Date.now()) },
    },
  });
  if (values.help) process.stdout.write(help);
  if (values.help) return 0;
  const folder = path.join(root, values.folder);
  const narrator = createNarrator({ json: values.json, startedMs: Number(values.started) });
  if (values.private) return runDemo({ folder, engineHost: null, narrator });
  const engineHost = await findEngine(process.env.DOCKER_HOST);
  if (engineHost !== null) {
    await installPackages(packages);
    return runDemo({ folder, engineHost, narrator });
  }
  await installPackages(privatePackages);
  narrator.say("no Docker engine answers here: starting a private one, in namespaces of its own");
  return runPrivately(values);
}

interface Values {
  readonly folder: string;
  readonly json: boolean;
  readonly started: string;
}

async function runPrivately({ folder, json, started }: Values): Promise<number> {
  const args = ["--private", "--folder", folder, "--started", started, ...(json ? ["--json"] : [])];
  const { exitCode, leftovers } = await runInNamespace({
    root: await realpath(root),
    writable: [folder],
    command: [process.execPath, "demo/main.ts", ...args],
  });
  for (const line of leftovers) process.stderr.write(`left behind: ${line}\n`);
  return leftovers.length > 0 ? 1 : exitCode;
}
