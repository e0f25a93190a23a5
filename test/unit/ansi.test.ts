// What a build prints can do nothing to whoever reads it.

import { expect } from "chai";
import fc from "fast-check";
import { safeLine } from "../../ci-server/core/ansi.ts";
import { isSafe } from "../helpers/safe-text.ts";

describe("a line of a log", () => {
  const table: [what: string, raw: string, safe: string][] = [
    ["keeps text, tabs and all letters", "\ta ü 漢 🙂", "\ta ü 漢 🙂"],
    [
      "keeps colours",
      "\u001b[1;31mred\u001b[0m and \u001b[38;5;208mmore\u001b[m",
      "\u001b[1;31mred\u001b[0m and \u001b[38;5;208mmore\u001b[m",
    ],
    ["ends a colour that is left on", "\u001b[31mred", "\u001b[31mred\u001b[0m"],
    ["drops cursor movements and what clears", "a\u001b[2Jb\u001b[1;1Hc\u001b[Kd\u001b[?25le", "abcde"],
    ["drops a link and keeps its text", "\u001b]8;;javascript:alert(1)\u001b\\here\u001b]8;;\u001b\\", "here"],
    ["drops a title, whichever way it ends", "\u001b]0;title\u0007a\u001b]2;title\u009cb", "ab"],
    ["drops a title that does not end", "a\u001b]0;title", "a"],
    ["drops device strings and shorter escapes", "\u001bPq#0\u001b\\a\u001b(Bb\u001bMc\u001bc", "abc"],
    ["drops sequences of eight bits", "\u009b31ma\u009d0;title\u009cb", "ab"],
    ["drops what only looks like a colour", "\u001b[31\u0000m\u001b[>4m\u001b[3 ma", "ma"],
    ["drops other controls", "a\u0000b\u0007c\bd\u007fe\u0085f", "abcdef"],
    ["drops what turns text round", "a\u202eb\u2066c", "abc"],
    ["has no line end of Unicode's", "a\u2028b\u2029c", "abc"],
    ["makes halves of characters whole", "a\ud800b", "a\ufffdb"],
    ["has the last state of what was written over itself", "10%\r 50%\r100%", "100%"],
    ["has it where the line ends with a return", "10%\r100%\r\u001b[K\r", "100%"],
    ["is empty when there is nothing else", "\r\r", ""],
  ];
  for (const [what, raw, safe] of table) it(`T33: ${what}`, () => expect(safeLine(raw)).to.equal(safe));

  it("T33: holds no control but tab and colours, whatever was printed", () => {
    const unit = fc.constantFrom(
      ..."\u001b\u001b\u009b\u009d[]();:?<m0123KHJP\\\u0007\u009c\r\t\u0000\u0085ab\u202e\ud83d\ude42",
    );
    const any = fc.oneof(fc.string({ unit, maxLength: 60 }), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(any, (raw) => isSafe(safeLine(raw)) && safeLine(safeLine(raw)) === safeLine(raw)),
      { numRuns: 5_000 },
    );
  }).timeout(20_000);

  it("takes time that grows with the line alone", () => {
    const startedMs = performance.now();
    for (const piece of ["\u001b[", "\u001b]", "\u001b[1", "\r", "\u001b", "\u001b[31m"])
      safeLine(piece.repeat(32_768));
    expect(performance.now() - startedMs).to.be.lessThan(2_000);
  });
});
