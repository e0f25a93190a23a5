// What core/ports/forge-health.ts promises, on PostgreSQL: what one process was told of a forge, another one shows.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createForgeHealthStore } from "../../ci-server/adapters/postgres/forge-health.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import type { ForgeHealth } from "../../ci-server/core/forge-health.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";

describe("how the forges fare", function () {
  this.timeout(60_000);
  let folder: string;
  let worker: OpenPostgres;
  let receiver: OpenPostgres;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "forge-health-"));
    worker = await openPostgres(examplePostgres(folder));
    const url = `postgres://mergedock@${encodeURIComponent(folder)}/postgres`;
    receiver = await openPostgres(examplePostgres(folder, { url, connectionsMax: 6 }));
  });
  after(async () => {
    await receiver?.close();
    await worker?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("is what was last told of each credential, by whichever process, while it is not well", async () => {
    const at = new Date("2026-11-21T12:00:00Z");
    const limited: ForgeHealth = {
      ...{ forge: "github", apiUrl: "https://api.github.com", credential: "app 4711", state: "rate_limited" },
      ...{ since: at, seenAt: at, until: new Date("2026-11-21T12:10:00Z"), problem: "too many" },
    };
    const away: ForgeHealth = { ...limited, credential: "", state: "no_answer", until: null, problem: "503" };
    const told = createForgeHealthStore(worker.pool);
    const shown = createForgeHealthStore(receiver.pool);
    await told.put({ ...limited, problem: "an older one" });
    await told.put(limited);
    await told.put(away);
    expect(await shown.troubles()).to.have.deep.members([limited, away]);
    await shown.put({ ...away, state: "ok", problem: null });
    expect(await told.troubles()).to.deep.equal([limited]);
    await told.put(away);
    await shown.forgetOutages(at);
    expect(await told.troubles()).to.have.deep.members([limited, away]);
    // One that starts asks anew, perhaps elsewhere; how long to leave a forge alone it is told once.
    await shown.forgetOutages(new Date(at.getTime() + 1));
    expect(await told.troubles()).to.deep.equal([limited]);
  });
});
