// How the room of a log is shared out.

import { expect } from "chai";
import fc from "fast-check";
import { shareOut } from "../../ci-server/core/log-budget.ts";

describe("the room of a log", () => {
  it("is for its beginning, but for what its end needs", () => {
    const limit = { lines: 50_000, bytes: 4 * 1024 * 1024 };
    expect(shareOut(limit, { lines: 0, bytes: 0 })).to.deep.equal({
      head: { lines: 49_600, bytes: 4 * 1024 * 1024 - 128 * 1024 },
      tail: { lines: 200, bytes: 64 * 1024 },
    });
  });

  it("is never more than the limit, however many attempts use all that they get", () => {
    const count = fc.integer({ min: 1, max: 10_000_000 });
    fc.assert(
      fc.property(count, count, (lines, bytes) => {
        const stored = { lines: 0, bytes: 0 };
        for (let attempt = 1; attempt < 30; attempt += 1) {
          const { head, tail } = shareOut({ lines, bytes }, stored);
          stored.lines += head.lines + tail.lines;
          stored.bytes += head.bytes + tail.bytes;
          expect(stored.lines).to.be.at.most(lines);
          expect(stored.bytes).to.be.at.most(bytes);
        }
      }),
    );
  });

  it("leaves something to the end of a second and a third attempt", () => {
    const limit = { lines: 50_000, bytes: 4 * 1024 * 1024 };
    const used = (lines: number, bytes: number) => shareOut(limit, { lines, bytes }).tail;
    expect(used(49_800, limit.bytes - 64 * 1024)).to.deep.equal({ lines: 100, bytes: 32 * 1024 });
    expect(used(49_900, limit.bytes - 32 * 1024)).to.deep.equal({ lines: 50, bytes: 16 * 1024 });
  });
});
