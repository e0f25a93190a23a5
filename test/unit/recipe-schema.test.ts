// The JSON Schema of `.mergedock.yml` as it is published.

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { recipeJsonSchema } from "../../ci-server/core/recipe-schema.ts";

describe("the published JSON Schema", () => {
  it("is the one of this version: write it by npm run schema", () => {
    const file = path.join(import.meta.dirname, "../../docs/mergedock.schema.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).to.deep.equal(JSON.parse(JSON.stringify(recipeJsonSchema())));
  });

  it("explains every field, and takes what a person may write", () => {
    const schema = recipeJsonSchema() as {
      properties: Record<
        string,
        { description?: string; items?: { properties: Record<string, { description?: string }> } }
      >;
    };
    const fields = { ...schema.properties, ...schema.properties.images?.items?.properties };
    expect(Object.keys(fields)).to.include.members(["images", "service", "push_to", "concurrency"]);
    expect(Object.entries(fields).filter(([, { description }]) => !description)).to.deep.equal([]);
    expect(JSON.stringify(fields.tags)).to.contain('"type":"array"').and.to.contain('{"type":"string"}');
  });
});
