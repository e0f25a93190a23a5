// What the health strip says of the forges' APIs.

import { expect } from "chai";
import { type ForgeHealth, forgeTrouble } from "../../ci-server/core/forge-health.ts";

const now = new Date("2026-11-21T12:00:00Z");
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const limited: ForgeHealth = {
  ...{ forge: "github", apiUrl: "https://api.github.com", credential: "app 4711", state: "rate_limited" },
  ...{ since: ago(5), seenAt: ago(5), until: ago(-10), problem: "too many" },
};
const away: ForgeHealth = { ...limited, credential: "", state: "no_answer", until: null, problem: "503" };

describe("what is known of the forges", () => {
  it("is nothing to tell while nothing is wrong", () => {
    expect(forgeTrouble([], now)).to.equal(null);
    expect(forgeTrouble([{ ...limited, state: "ok", until: null }], now)).to.equal(null);
  });

  it("names who is limited, where, and until when", () => {
    expect(forgeTrouble([limited], now)?.detail).to.equal(
      "github (https://api.github.com) takes nothing of app 4711 until 2026-11-21T12:10:00.000Z: rate limited",
    );
  });

  it("ends with the limit, whoever is there to say so", () => {
    expect(forgeTrouble([{ ...limited, until: ago(1) }], now)).to.equal(null);
  });

  it("tells of the limit that lasts longest, and of an outage before all", () => {
    const longer = { ...limited, credential: "another", until: ago(-20) };
    expect(forgeTrouble([limited, longer], now)?.detail).to.contain("another until 2026-11-21T12:20:00.000Z");
    expect(forgeTrouble([limited, longer, away], now)?.detail).to.contain("has not answered since 2026-11-21T11:55");
  });

  it("believes no process that has not been heard of for long", () => {
    expect(forgeTrouble([{ ...away, seenAt: ago(11) }], now)).to.equal(null);
  });
});
