// Writes docs/cli.md: every command with its examples, arguments and options, from the tree that reads the command line.

import { writeFileSync } from "node:fs";
import path from "node:path";
import { cliDocs } from "../ci-server/cli-docs.ts";

writeFileSync(path.join(import.meta.dirname, "../docs/cli.md"), cliDocs());
