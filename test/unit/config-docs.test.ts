// The reference of the configuration as it is published.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { commentsOf } from "../../ci-server/config-comments.ts";
import { configDocs } from "../../ci-server/config-docs.ts";
import { type ConfigField, configFields } from "../../ci-server/config-fields.ts";
import { root } from "../helpers/folders.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");
const docs = configDocs(read("mergedock.example.yml"));

describe("the published reference of the configuration", () => {
  it("is the one of this version: write it by npm run config-docs", () => {
    expect(read("docs/configuration.md")).to.equal(docs);
  });

  it("has a row for every field, with its type, default, limits and meaning", () => {
    expect(docs).to.match(/\| `workers` \| number \| `2` \| 1 or more; 64 at most \| So many builds at once/);
    expect(docs).to.match(/\| `api` \| text \| `"127\.0\.0\.1:8080"` \| has to be host:port/);
    expect(docs).to.match(/\| `access\.github_app\.app_id` \| number or text \| has to be there \|/);
    expect(docs).to.match(/\| `secret_file` \| text \|.*\| of type `webhook` only/);
    for (const path of pathsOf(configFields()))
      expect(docs, path.join(".")).to.match(
        new RegExp(`(?:\\| |## )\`(?:[a-z_.[\\]]+\\.)?${path.at(-1)}(?:\\[\\])?\``),
      );
  });
});

function pathsOf(fields: readonly ConfigField[]): (readonly string[])[] {
  return fields.flatMap(({ path, fields: below }) => [path, ...pathsOf(below)]);
}

describe("what the example says of a field", () => {
  const example = [
    ...["# Of all of it.", "listen:", "  # Of both.", "  api: 1", "  webhooks: 2", ""],
    ...["  # Of one that", "  # is not set.", "  # hosts: [a] # such as this", "# tokens: 3"],
  ].join("\n");
  const known = ["listen", "listen.api", "listen.webhooks", "listen.hosts"];

  it("is the comment above it, and what stands behind it on its line", () => {
    expect([...commentsOf(example, (name) => known.includes(name))]).to.deep.equal([
      ["listen", "Of all of it."],
      ["listen.api", "Of both."],
      ["listen.webhooks", ""],
      ["listen.hosts", "Of one that is not set. Such as this."],
    ]);
  });
});
