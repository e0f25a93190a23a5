// Writes docs/configuration.md: every field of mergedock.yml, from the schema that reads it and the example that explains it.

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { configDocs } from "../ci-server/config-docs.ts";

const root = path.join(import.meta.dirname, "..");
const example = readFileSync(path.join(root, "mergedock.example.yml"), "utf8");
writeFileSync(path.join(root, "docs/configuration.md"), configDocs(example));
