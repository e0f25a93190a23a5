// Writes docs/mergedock.schema.json: what `.mergedock.yml` may say, for editors.

import { writeFileSync } from "node:fs";
import path from "node:path";
import { recipeJsonSchema } from "../ci-server/core/recipe-schema.ts";

const file = path.join(import.meta.dirname, "../docs/mergedock.schema.json");
writeFileSync(file, `${JSON.stringify(recipeJsonSchema(), null, 2)}\n`);
