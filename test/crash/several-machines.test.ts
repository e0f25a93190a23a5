// F9, F12: three receivers and four workers on one PostgreSQL, deliveries doubled and shuffled, machines killed at random.

import { setTimeout as delay } from "node:timers/promises";
import { Fleet, type Machine, type Merged } from "../helpers/fleet.ts";
import { useLab } from "../helpers/lab.ts";
import { type Acknowledged, allEnded, checkInvariant, deliverUntilAcknowledged } from "../helpers/storm.ts";

const repositories = ["acme/shop", "acme/cart", "acme/mail", "acme/pay", "acme/site"];
const mergesEach = 10;
const deliveriesInAll = 500;
const sendersAtOnce = 6;
/** On average. */
const killEveryMs = 1_000;

describe("F9, F12: three receivers and four workers", function () {
  this.timeout(300_000);
  let fleet: Fleet;
  before(async () => {
    await useLab();
  });
  afterEach(() => fleet.stop());

  it(`build each merge of ${deliveriesInAll} doubled and shuffled deliveries exactly once and in order, while they are killed`, async () => {
    fleet = await Fleet.create({
      machines: { receiver: 3, worker: 4 },
      repositories,
      limits: { broken_attempts_max: 50 },
    });
    const merges: Merged[] = [];
    for (const repository of fleet.repositories)
      for (let merge = 0; merge < mergesEach; merge += 1) merges.push(await fleet.merge(repository));
    await fleet.startAll();
    const storm = new AbortController();
    const killing = killAtRandom(fleet.machines, storm.signal);
    const acknowledged = await deliverAll(fleet, shuffle(repeat(merges, deliveriesInAll)));
    await allEnded(fleet, 200_000);
    storm.abort();
    const kills = await killing;
    console.table({ [`${kills} kills`]: { ...(await checkInvariant(fleet, acknowledged)) } });
  });
});

async function deliverAll(fleet: Fleet, merges: Merged[]): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  const send = async () => {
    for (let merged = merges.pop(); merged !== undefined; merged = merges.pop())
      acknowledged.push(await deliverUntilAcknowledged(fleet, fleet.of("receiver"), merged));
  };
  await Promise.all(Array.from({ length: sendersAtOnce }, send));
  return acknowledged;
}

/** One after the other, any of them; each is started again at once. Returns how many. */
async function killAtRandom(machines: readonly Machine[], signal: AbortSignal): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    await delay(killEveryMs * Math.random() * 2, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return kills;
    const machine = machines[Math.floor(Math.random() * machines.length)] as Machine; // there is one at least
    await machine.kill();
    await machine.start();
  }
}

function repeat<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_none, index) => items[index % items.length] as T); // within its length
}

function shuffle<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}
