import { expect } from "chai";
import { LineSplitter } from "../../ci-server/adapters/line-splitter.ts";

describe("the lines of what a step prints", () => {
  it("are the same however it comes in pieces, also in the middle of a character", () => {
    const bytes = Buffer.from("grün\r\nblau\n\nrest ü");
    for (let size = 1; size <= bytes.length; size += 1) {
      const splitter = new LineSplitter();
      const lines: string[] = [];
      for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.write(bytes.subarray(at, at + size)));
      expect([...lines, ...splitter.rest()], `${size}`).to.deep.equal(["grün", "blau", "", "rest ü"]);
      expect(splitter.rest()).to.deep.equal([]);
    }
  });

  it("T25: do not fill the memory when they never end", () => {
    const splitter = new LineSplitter();
    for (let count = 0; count < 1_000; count += 1) splitter.write(Buffer.alloc(64 * 1024, "y"));
    const [line, ...more] = splitter.write(Buffer.from("\nnext\n"));
    expect(line).to.have.length(64 * 1024);
    expect(more).to.deep.equal(["next"]);
  });
});
