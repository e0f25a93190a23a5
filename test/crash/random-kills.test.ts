// F1: one server, killed at random moments while it takes deliveries and builds. MERGEDOCK_CRASH_ROUNDS says how often.

import { setTimeout as delay } from "node:timers/promises";
import { Fleet, type Machine } from "../helpers/fleet.ts";
import { useLab } from "../helpers/lab.ts";
import { type Acknowledged, allEnded, checkInvariant, deliverUntilAcknowledged } from "../helpers/storm.ts";

const rounds = Number(process.env.MERGEDOCK_CRASH_ROUNDS ?? 25);
/** The way of a merge takes about a second: the kill comes somewhere in it. */
const roundMsMax = 1_500;
const repositories = ["acme/shop", "acme/cart"];

describe(`F1: a server that is killed at ${rounds} random moments`, function () {
  this.timeout(60_000 + rounds * 15_000);
  let fleet: Fleet;
  before(async () => {
    await useLab();
  });
  afterEach(() => fleet.stop());

  it("loses nothing, doubles nothing, and goes on by itself", async () => {
    fleet = await Fleet.create({ machines: { all: 1 }, repositories, limits: { broken_attempts_max: 50 } });
    const [machine] = fleet.machines as [Machine];
    await machine.start();
    const acknowledged: Acknowledged[] = [];
    const stages: Record<string, number> = {};
    for (let round = 0; round < rounds; round += 1) {
      const delivering = Promise.all(
        fleet.repositories.map(async (repository) =>
          deliverUntilAcknowledged(fleet, fleet.machines, await fleet.merge(repository)),
        ),
      );
      await delay(Math.random() * roundMsMax);
      for (const stage of await runningStages(fleet)) stages[stage] = (stages[stage] ?? 0) + 1;
      await machine.kill();
      await machine.start();
      acknowledged.push(...(await delivering));
    }
    await allEnded(fleet, 30_000 + rounds * 3_000);
    console.table({ [`${rounds} kills`]: { ...(await checkInvariant(fleet, acknowledged)) } });
    console.log(`      killed in: ${JSON.stringify(stages)}`);
  });
});

async function runningStages(fleet: Fleet): Promise<string[]> {
  const rows = await fleet.query<{ name: string }>(
    "select s.name from build b join build_stage s on s.build_id = b.id where b.result is null and s.result is null",
  );
  return rows.length === 0 ? ["none"] : rows.map(({ name }) => name);
}
