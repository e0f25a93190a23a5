import { expect } from "chai";
import fc from "fast-check";
import { fileMatcher, isPattern, matchesPattern } from "../../ci-server/core/path-pattern.ts";

describe("a path pattern", () => {
  const cases: [string, string[], string[]][] = [
    ["README.md", ["README.md"], ["docs/README.md", "README.mdx", "readme.md", ""]],
    ["*", ["README.md", ".env"], ["a/b"]],
    ["*.md", ["README.md", ".md"], ["docs/a.md", "a.md5"]],
    ["docs/*", ["docs/a", "docs/"], ["docs/a/b", "docs"]],
    ["docs/**", ["docs/a", "docs/a/b.md"], ["docs", "mydocs/a"]],
    ["**", ["a", "a/b/c"], []],
    ["**.js", ["index.js", "js/index.js"], ["index.jsx"]],
    ["**/README.md", ["README.md", "a/README.md", "a/b/README.md"], ["aREADME.md", "a/xREADME.md"]],
    ["**/docs/**", ["docs/a", "a/docs/b", "a/b/docs/c/d"], ["mydocs/a", "docs"]],
    ["docs/**/*.md", ["docs/a.md", "docs/a/b/c.md"], ["docs/a/b.txt", "docsa.md"]],
    ["a/**/**/b", ["a/b", "a/x/b", "a/x/y/z/b"], ["a/xb", "ab"]],
    ["a**/b", ["a/b", "ax/y/b"], ["ab", "x/a/b"]],
    ["a*b*c", ["abc", "axbxc", "abcbc"], ["ab/c", "acb"]],
    ["v?.ts", ["v1.ts", "vü.ts", "v😀.ts"], ["v/.ts", "v.ts", "v12.ts"]],
    ["pages/[id]+(x){y}.ts$", ["pages/[id]+(x){y}.ts$"], ["pages/i.ts", "pages/[id]xy.ts"]],
    ["a\nb/*", ["a\nb/c\nd"], ["a\nb/c/d"]],
  ];
  for (const [pattern, yes, no] of cases) {
    it(`${JSON.stringify(pattern)} fits what it says and nothing else`, () => {
      for (const text of yes) expect(matchesPattern(pattern, text), text).to.equal(true);
      for (const text of no) expect(matchesPattern(pattern, text), text).to.equal(false);
    });
  }

  it("fits what a regular expression of the same meaning fits", () => {
    const pattern = fc.array(fc.constantFrom("a", "b", "/", "*", "?", "**", "**/"), { maxLength: 8 });
    const text = fc.array(fc.constantFrom("a", "b", "/"), { maxLength: 10 });
    fc.assert(
      fc.property(pattern, text, (parts, chars) => {
        expect(matchesPattern(parts.join(""), chars.join(""))).to.equal(toRegExp(parts.join("")).test(chars.join("")));
      }),
      { numRuns: 20_000 },
    );
  });

  it("takes no longer for being hostile", () => {
    const hostile = `${"**a*?".repeat(50)}!`;
    // A regular expression would need more steps for it than there are seconds in a lifetime.
    expect(matchesPattern(hostile, "a".repeat(4_000))).to.equal(false);
  }).timeout(5_000);

  it("says whether it is one, or a plain name", () => {
    expect(["release/*", "v?", "main", "a[b]"].map(isPattern)).to.deep.equal([true, true, false, false]);
  });
});

describe("a list of path patterns", () => {
  const fits = (patterns: string[], file: string) => fileMatcher(patterns)(file);

  it("goes by the last one that fits", () => {
    const patterns = ["services/cart/**", "!**/*.md", "services/cart/LICENSE.md"];
    expect(fits(patterns, "services/cart/index.ts")).to.equal(true);
    expect(fits(patterns, "services/cart/README.md")).to.equal(false);
    expect(fits(patterns, "services/cart/LICENSE.md")).to.equal(true);
    expect(fits(patterns, "services/shop/index.ts")).to.equal(false);
  });

  it("of nothing but negations means everything but those", () => {
    expect(fits(["!docs/**", "!*.md"], "src/a.ts")).to.equal(true);
    expect(fits(["!docs/**", "!*.md"], "docs/a.ts")).to.equal(false);
    expect(fits(["!docs/**", "docs/api/**"], "src/a.ts")).to.equal(false);
  });

  it("that is empty takes every file", () => {
    expect(fits([], "a")).to.equal(true);
  });
});

/** The same meaning, in words that may take for ever. */
function toRegExp(pattern: string): RegExp {
  const source = pattern
    .split(/((?<=^|\/)\*\*\/|\*{2,}|\*|\?)/)
    .map((part, index) => {
      if (index % 2 === 0) return RegExp.escape(part);
      if (part === "**/") return "(?:[^/]*/)*";
      if (part === "?") return "[^/]";
      return part === "*" ? "[^/]*" : ".*";
    })
    .join("");
  return new RegExp(`^${source}$`, "s");
}
