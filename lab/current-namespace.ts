// Says whether this process runs in the lab's private namespaces, so that nothing of the lab can touch the host.

import { readFile } from "node:fs/promises";

/** The name of the namespace, which namespace.sh writes into its private /run; throws anywhere else. */
export async function currentNamespace(): Promise<string> {
  const name = await readFile("/run/mergedock/namespace", "utf8").catch(() => "");
  if (name === "") {
    throw new Error(
      "this runs only in the lab's private namespaces: start it through runInNamespace() of lab/namespace.ts",
    );
  }
  return name.trim();
}
