// The doctor's look at the Docker engine: is it there, what is it, and which holes has that version.

import { type EngineFacts, engineFacts } from "./adapters/engine-facts.ts";
import { type Finding, failure, ok, warning } from "./cli/findings.ts";
import type { Config } from "./config.ts";
import { toAppError } from "./core/errors.ts";
import { holesOf } from "./core/known-holes.ts";

export async function engineFindings({ engineHost, role }: Pick<Config, "engineHost" | "role">): Promise<Finding[]> {
  if (role === "receiver") return [ok("engine", "none is needed: this process has the role receiver")];
  try {
    return toFindings(await engineFacts(engineHost), engineHost);
  } catch (cause) {
    const { message } = toAppError(cause);
    return [failure("engine", message, fixOf(engineHost, message))];
  }
}

export function toFindings({ version, apiVersion, runc }: EngineFacts, host: string): Finding[] {
  const parts = `Docker ${version} (API ${apiVersion}${runc === null ? "" : `, runc ${runc}`}) at ${host}`;
  const holes = [...holesOf("engine", version), ...(runc === null ? [] : holesOf("runc", runc))];
  return [
    ok("engine", parts),
    ...holes.map((hole) =>
      warning("engine", `${hole.what} ${hole.version} has known holes: ${hole.ids.join(", ")}`, hole.fix),
    ),
  ];
}

function fixOf(host: string, why: string): string {
  const socket = host.replace("unix://", "");
  if (/EACCES/.test(why)) return `let this user open ${socket}: usermod -aG docker <user>, then log in again`;
  if (host.startsWith("unix:"))
    return `start it: systemctl start docker; or say where it is: MERGEDOCK_ENGINE_HOST, or engine.host in mergedock.yml`;
  return "see that it listens there and that nothing between keeps it away; MERGEDOCK_ENGINE_HOST or engine.host says where it is";
}
