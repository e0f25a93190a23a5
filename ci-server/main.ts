#!/usr/bin/env node
// The command line's first step: what Node has made of these files is kept beside the packages, so that the next start is quick.

import { enableCompileCache } from "node:module";
import path from "node:path";

// Where nobody may write, as in a container, it does without.
enableCompileCache(path.join(import.meta.dirname, "../node_modules/.cache/mergedock"));
const { runCommandLine } = await import("./command-line.ts");
process.exitCode = await runCommandLine(process.argv.slice(2), { env: process.env, folder: process.cwd() });
