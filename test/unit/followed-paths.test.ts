// Which files of a context are sent: those that the Dockerfile takes, and all of them where that cannot be told.

import { expect } from "chai";
import { followed } from "../../ci-server/adapters/followed-paths.ts";

const files = ["package.json", "src/a.ts", "src/deep/b.ts", "srcs/c.ts", "docs/d.md"];

describe("the files that a Dockerfile takes", () => {
  const some: [wanted: string[], expected: string[]][] = [
    [["package.json"], ["package.json"]],
    [["/package.json"], ["package.json"]],
    [["./src/"], ["src/a.ts", "src/deep/b.ts"]],
    [["src/deep"], ["src/deep/b.ts"]],
    [
      ["package.json", "src", "nowhere"],
      ["package.json", "src/a.ts", "src/deep/b.ts"],
    ],
    [["nowhere"], []],
  ];
  for (const [wanted, expected] of some)
    it(`are ${expected.join(" and ") || "none"} of ${wanted.join(" and ")}`, () =>
      expect(followed(files, wanted)).to.deep.equal(expected));

  for (const wanted of [[], ["."], ["/"], [""], ["src", "*.json"], ["src/[ab].ts"], ["src/?.ts"], ["a\\b"]])
    it(`are all of them of ${JSON.stringify(wanted)}`, () => expect(followed(files, wanted)).to.deep.equal(files));

  it("are all of them where a link may lead anywhere", () =>
    expect(followed(files, ["package.json"], true)).to.deep.equal(files));

  for (const name of [" a", "a ", "folder /a", "a\nb"])
    it(`are all of them where a header would not hold ${JSON.stringify(name)} as it is`, () =>
      expect(followed([...files, name], [name])).to.deep.equal([...files, name]));

  it("are all of them where a name with a comma cannot be told from two names", () => {
    const withComma = [...files, "a, b"];
    expect(followed(withComma, ["a", "b"])).to.deep.equal(withComma);
  });
});
