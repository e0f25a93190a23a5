// What the system says of itself: what to mind, and how sizes and ages are told.

import { expect } from "chai";
import { ageText, sizeText } from "../../ci-server/core/system.ts";
import { type SystemFacts, warningsOf } from "../../ci-server/core/warnings.ts";

const good: SystemFacts = {
  engineVersion: "28.5.2",
  attestationsEnabled: true,
  keepLast: 10,
  freeBytesMin: 1,
  apiHost: "127.0.0.1",
  pushHost: "registry.example.com:5000",
  engineHost: "unix:///var/run/docker.sock",
  repositories: 1,
  plainUrls: [],
  commandsUnasked: [],
  reportsLackLinks: false,
  failingReports: null,
};
const codes = (change: Partial<SystemFacts>) => warningsOf({ ...good, ...change }).map(({ code }) => code);

describe("warnings", () => {
  it("are none where there is nothing to mind", () => {
    expect(codes({})).to.deep.equal([]);
    expect(codes({ engineVersion: null })).to.deep.equal([]);
  });

  for (const [code, change] of Object.entries({
    no_repositories: { repositories: 0 },
    engine_plain: { engineHost: "tcp://10.0.0.7:2375" },
    attestations_off: { attestationsEnabled: false },
    no_retention: { keepLast: null },
    no_free_space_floor: { freeBytesMin: 0 },
    api_without_tls: { apiHost: "0.0.0.0" },
    registry_on_loopback: { pushHost: "localhost:5000" },
    commands_without_api: { commandsUnasked: ["acme/shop"] },
    reports_without_links: { reportsLackLinks: true },
    reports_failing: { failingReports: { count: 2, buildId: 7, problem: "403" } },
    git_without_tls: { plainUrls: ["http://git.example.com/a.git"] },
  })) {
    it(`name ${code}, and what to do`, () => {
      const [warning, ...others] = warningsOf({ ...good, ...change });
      expect(others).to.deep.equal([]);
      expect(warning?.code).to.equal(code);
      expect(warning?.fix).to.not.equal("");
    });
  }

  for (const version of ["20.10.24+dfsg1", "23.0.6", "24.0.8", "25.0.1"]) {
    it(`say that Docker ${version} lacks the fix of CVE-2024-24557`, () => {
      expect(codes({ engineVersion: version })).to.deep.equal(["engine_cve_2024_24557"]);
    });
  }

  for (const version of ["24.0.9", "25.0.2", "26.1.5+dfsg1", "28.0.0", "dev"]) {
    it(`say nothing of Docker ${version}`, () => {
      expect(codes({ engineVersion: version })).to.deep.equal([]);
    });
  }
});

describe("sizes and ages", () => {
  it("are told in the unit that fits", () => {
    expect([0, 1023, 1024, 5 * 1024 ** 3].map(sizeText)).to.deep.equal(["0 bytes", "1023 bytes", "1.0 KiB", "5.0 GiB"]);
    const now = new Date("2026-01-10T00:00:00Z");
    const ago = (seconds: number) => ageText(new Date(now.getTime() - seconds * 1000), now);
    expect([5, 600, 7200, 3 * 86_400, -5].map(ago)).to.deep.equal([
      "5 s ago",
      "10 min ago",
      "2 h ago",
      "3 days ago",
      "0 s ago",
    ]);
  });
});
