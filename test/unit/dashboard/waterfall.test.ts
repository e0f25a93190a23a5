import { expect } from "chai";
import { withoutBars } from "../../../ci-server/dashboard/waterfall.ts";

describe("the waterfall of a build of which nothing has begun", () => {
  it("says whether it will, and whether it was cancelled before", () => {
    expect(withoutBars({ result: null })).to.equal("Nothing has begun yet.");
    expect(withoutBars({ result: "cancellation" })).to.equal("It was cancelled before it began.");
    expect(withoutBars({ result: "failure" })).to.equal("Nothing was begun.");
  });
});
