// The documents lead to one another, to tests and to pictures: what they name has to be there.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { root } from "../helpers/folders.ts";

const folders = [".", "docs", "docs/adr", "registry"];
const documents = folders.flatMap((folder) =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join(folder, name)),
);

describe("the documents", () => {
  for (const document of documents) {
    it(`lead from ${document} to what is there`, () => {
      const text = readFileSync(path.join(root, document), "utf8");
      const missing = linksOf(text).filter(
        ({ file, place }) => !isThere(path.join(root, path.dirname(document), file || path.basename(document)), place),
      );
      expect(missing).to.deep.equal([]);
    });
  }
});

interface Link {
  readonly file: string;
  /** A heading's, behind #; empty: the whole file. */
  readonly place: string;
}

function linksOf(text: string): Link[] {
  return [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(([, file = "", place = ""]) => ({
    ...{ file, place },
  }));
}

function isThere(file: string, place: string): boolean {
  if (!existsSync(file)) return false;
  return place === "" || headingsOf(readFileSync(file, "utf8")).includes(place);
}

/** As GitHub names them in an address. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
