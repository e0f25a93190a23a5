import { expect } from "chai";
import { fixes } from "../../../ci-server/core/system.ts";
import { heardFromForge, isBad, isOwnName, wordOf } from "../../../ci-server/dashboard/check-state.ts";
import type { SystemView } from "../../../ci-server/dashboard/views.ts";

type Check = SystemView["checks"][number];

function failed(name: Check["name"], detail = "it does not answer"): Check {
  return { name, ok: false, detail, fix: fixes[name] };
}

describe("a check of the system on the dashboard", () => {
  for (const name of ["engine", "registry", "database", "disk"] as const)
    it(`is a failure where the ${name} does not work`, () => {
      expect(isBad(failed(name))).to.equal(true);
      expect(wordOf(failed(name))).to.equal("does not work");
      expect(isBad({ ...failed(name), ok: true })).to.equal(false);
    });

  it("is none without a tunnel, and before the forge has sent anything", () => {
    expect(isBad(failed("tunnel"))).to.equal(false);
    expect(wordOf(failed("tunnel"))).to.equal("not used");
    expect(isBad(failed("forge", "none yet"))).to.equal(false);
    expect(wordOf(failed("forge", "none yet"))).to.equal("nothing received yet");
    expect(wordOf(failed("forge", "not known: the database does not answer"))).to.equal("not known");
  });

  it("shows a forge that cannot be asked as what does not work", () => {
    const away = failed("forge", "github (https://api.github.com) has not answered since 12:00; no delivery yet");
    expect(isBad(away)).to.equal(true);
    expect(wordOf(away)).to.equal("does not work");
  });

  it("knows the names of a registry that no other machine reaches", () => {
    for (const host of ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "localhost"])
      expect(isOwnName(host), host).to.equal(true);
    for (const host of ["registry.acme.test:5000", "localhost.acme.test", "192.0.2.10"])
      expect(isOwnName(host), host).to.equal(false);
  });

  it("tells whether the forge was heard", () => {
    const system = (forge: Check) => ({ checks: [failed("tunnel"), forge] });
    expect(heardFromForge(system(failed("forge", "none yet")))).to.equal(null);
    const heard: Check = { name: "forge", ok: true, detail: "last verified delivery 3 s ago", fix: null };
    expect(heardFromForge(system(heard))).to.equal("last verified delivery 3 s ago");
    const limited = failed("forge", "github takes nothing until 12:00; last verified delivery 3 s ago");
    expect(heardFromForge(system(limited))).to.equal("last verified delivery 3 s ago");
  });
});
