import { expect } from "chai";
import { judgePaths, pathsPending } from "../../ci-server/core/judge-paths.ts";

describe("the rule on paths", () => {
  const patterns = ["services/cart/**", "!**/*.md"];

  it("passes when one changed file matches, and shows what it saw", () => {
    const judged = judgePaths(patterns, { files: ["README.md", "services/cart/a.ts"] });
    const saw = "2 changed files: README.md, services/cart/a.ts";
    expect(judged).to.deep.equal({ rule: { rule: "paths", passed: true, saw }, refusal: null });
  });

  it("refuses when none does, with the first few of all the files", () => {
    const files = Array.from({ length: 25 }, (_none, index) => `docs/${index}.md`);
    const judged = judgePaths(patterns, { files });
    const saw = `25 changed files: ${files.slice(0, 10).join(", ")} and 15 more`;
    expect(judged?.rule).to.deep.equal({ rule: "paths", passed: false, saw });
    expect(judged?.refusal).to.equal(`no changed file matches the paths services/cart/**, !**/*.md; it was ${saw}`);
    expect(judgePaths(patterns, { files: [] })?.refusal).to.contain("it was no changed file");
    expect(judgePaths(patterns, { files: ["a"] })?.rule.saw).to.equal("1 changed file: a");
  });

  it("judges all files, also those that it does not show", () => {
    const files = [...Array.from({ length: 5_000 }, (_none, index) => `docs/${index}.md`), "services/cart/a.ts"];
    expect(judgePaths(patterns, { files })?.refusal).to.equal(null);
  });

  it("shows a file's name in one short line, whatever is in it", () => {
    const saw = judgePaths(["x"], { files: ["a\nb", "a\u202eb", 'quo"te', "\u001b[1m", "ü/日本", "l".repeat(300)] })
      ?.rule.saw;
    expect(saw).to.equal(
      `6 changed files: "a\\nb", "a\\u{202e}b", "quo\\"te", "\\u001b[1m", ü/日本, ${"l".repeat(200)}…`,
    );
  });

  it("is not asked where the repository names no paths", () => {
    expect(judgePaths([], { files: ["a"] })).to.equal(null);
    expect(pathsPending([])).to.deep.equal([]);
  });
});
