// Lines of what comes in pieces.

import { expect } from "chai";
import fc from "fast-check";
import { LineBuffer } from "../../ci-server/adapters/line-buffer.ts";

describe("the lines of a program's output", () => {
  it("are the same wherever the pieces are cut, through characters too", () => {
    const pieces = fc.array(fc.constantFrom("a", "ü", "🙂", "\n", "\r\n", " ", "b"), { maxLength: 40 });
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(120)), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(""));
        const buffer = new LineBuffer();
        const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const lines = places.slice(1).flatMap((end, index) => buffer.feed(bytes.subarray(places[index] ?? 0, end)));
        const rest = buffer.end();
        expect([...lines, ...(rest === null ? [] : [rest])].join("\n")).to.equal(
          parts.join("").replaceAll("\r\n", "\n").replace(/\n$/, ""),
        );
      }),
    );
  });

  it("are cut where they do not end", () => {
    const buffer = new LineBuffer();
    for (let turn = 0; turn < 10_000; turn += 1) expect(buffer.feed(Buffer.alloc(1_024, "x"))).to.deep.equal([]);
    const [long, next] = buffer.feed(Buffer.from("x\nnext\n"));
    expect(long).to.have.length(32_768);
    expect(next).to.equal("next");
  });

  it("have the last states of a line that is written over itself for ever", () => {
    const buffer = new LineBuffer();
    for (let turn = 0; turn < 10_000; turn += 1) buffer.feed(Buffer.from(`\r${turn} of 10000 ........`));
    expect(buffer.feed(Buffer.from("\n"))[0]?.split("\r").at(-1)).to.equal("9999 of 10000 ........");
  });
});
