// `npm run crash -- --rounds N`: the crash suite, as long as one likes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
if (!/^[1-9]\d{0,5}$/.test(values.rounds)) {
  console.error(`crash: --rounds "${values.rounds}" has to be a number from 1 on`);
  process.exit(2);
}
const files = ["random-kills", "several-machines", "away"].map((name) => `test/crash/${name}.test.ts`);
const env = { ...process.env, MERGEDOCK_CRASH_ROUNDS: values.rounds };
const child = spawn(process.execPath, [join(import.meta.dirname, "run.ts"), ...files], { stdio: "inherit", env });
const [code] = await once(child, "exit");
process.exitCode = code ?? 1;
