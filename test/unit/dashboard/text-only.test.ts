// T33: what others have written becomes text in the dashboard, never elements.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";

const folder = path.join(import.meta.dirname, "../../../ci-server/dashboard");
const forbidden =
  /innerHTML|outerHTML|insertAdjacentHTML|setHTML|createContextualFragment|DOMParser|srcdoc|document\.write|\beval\(|new Function|https?:\/\/(?!www\.w3\.org)[a-z]/;

describe("the dashboard's sources", () => {
  it("T33: make no elements of text, run no text, and name no other host", () => {
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (name) => /\.(tsx?|html|css|svg)$/.test(name) && !name.startsWith("dist"),
    );
    expect(files).to.include("log/log-view.ts");
    const found = files.flatMap((name) =>
      readFileSync(path.join(folder, name), "utf8")
        .split("\n")
        .filter((line) => forbidden.test(line))
        .map((line) => `${name}: ${line.trim()}`),
    );
    expect(found).to.deep.equal([]);
  });
});
