import { expect } from "chai";
import { age, bytes, bytesChange, count, duration } from "../../../ci-server/dashboard/format.ts";

describe("numbers and times in the dashboard", () => {
  it("are sizes as people say them", () => {
    expect([0, 999, 1_000, 48_234_000, 999_950_000, 12e12].map(bytes)).to.deep.equal([
      ...["0 B", "999 B", "1.0 kB", "48.2 MB", "1.0 GB", "12.0 TB"],
    ]);
    expect([bytesChange(5, 5), bytesChange(3_000, 1_000), bytesChange(0, 1_500_000)]).to.deep.equal([
      ...["±0", "+2.0 kB", "−1.5 MB"],
    ]);
  });

  it("are durations with no more digits than matter", () => {
    const times = [12, 420, 3_210, 38_400, 252_000, 7_500_000];
    expect(times.map(duration)).to.deep.equal(["0.01 s", "0.4 s", "3.2 s", "38 s", "4 min 12 s", "2 h 5 min"]);
  });

  it("are distances from now, and dates when that is far away", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    const ages = [2, 42, 300, 7_300, 200_000, 1e7].map((seconds) =>
      age(new Date(now - seconds * 1000).toISOString(), now),
    );
    expect(ages).to.deep.equal(["just now", "42 s ago", "5 min ago", "2 h ago", "2 d ago", "2026-07-28"]);
  });

  it("are counted in the singular and the plural", () => {
    expect([count(1, "line"), count(50_000, "line")]).to.deep.equal(["1 line", "50,000 lines"]);
  });
});
