// What it costs to be looked at: a real build prints lines while nobody, one and 200 viewers follow its log; how late a line comes,
// and what the server takes meanwhile.

import { sampleApp } from "../lab/sample-app.ts";
import type { Files } from "../lab/sample-commit.ts";
import { Fleet, type Machine } from "../test/helpers/fleet.ts";
import { stopLab } from "../test/helpers/lab.ts";
import { adminToken } from "../test/helpers/tester.ts";
import { inLab } from "./in-lab.ts";
import { type Arrival, nowMs, type Viewer, viewDatabase, viewEvents } from "./log-viewers.ts";
import { cpuMs, residentMib } from "./process-use.ts";
import { percentile, round } from "./statistics.ts";

const lines = 5_000;
/** At once, then a pause. */
const burst = 20;
const pauseMs = 20;
const counts = [0, 1, 200, 0, 1, 200] as const;
const buildMsMax = 120_000;

/** Milliseconds since 1970. */
interface Line {
  readonly seq: number;
  /** When the server had it from the engine. */
  readonly heardMs: number;
  /** Right before its chunk was committed. */
  readonly storedMs: number;
}

await inLab("viewers", async () => {
  const fleet = await Fleet.create({ machines: { all: 1 }, files: await sampleApp({ message: "first" }) });
  try {
    await fleet.startAll();
    await fleet.query("alter table log_chunk add column stored_at timestamptz default clock_timestamp()");
    const rows: Record<string, object> = {};
    // The first one warms up.
    await measure(fleet, 0, 0);
    for (const [index, viewers] of counts.entries())
      rows[`${index + 1}: ${viewers} viewers`] = await measure(fleet, viewers, index + 1);
    console.log(`viewers: a build that prints ${lines} lines, ${burst} each ${pauseMs} ms; Node ${process.version}`);
    console.table(rows);
  } finally {
    await fleet.stop();
    await stopLab();
  }
});

async function measure(fleet: Fleet, count: number, turn: number): Promise<object> {
  const [machine] = fleet.machines;
  const [repository] = fleet.repositories;
  if (machine === undefined || repository === undefined) throw new Error("nothing runs");
  const pid = machine.server.child.pid ?? 0;
  const merged = await fleet.merge(repository, printing(turn));
  const before = { rss: await residentMib(pid, "VmRSS"), cpu: await cpuMs(pid), ms: nowMs() };
  const { build: id } = JSON.parse((await fleet.deliver(machine, merged.payload)).body) as { build: number };
  const floor = await viewDatabase(databaseUrl(fleet), id);
  const viewers = await Promise.all(Array.from({ length: count }, () => view(machine, id)));
  const most = await highest(pid, () => ended(fleet, id));
  await Promise.all(viewers.map((viewer) => viewer.ended));
  const after = { cpu: await cpuMs(pid), ms: nowMs() };
  for (const viewer of [...viewers, floor]) viewer.close();
  const stored = await linesOf(fleet, id);
  for (const { arrivals } of viewers)
    if (arrivals.at(-1)?.seq !== stored.at(-1)?.seq) throw new Error("a viewer has not had all lines");
  const lag = (of: readonly Viewer[], from: "heardMs" | "storedMs") => lagOf(of, stored, from);
  return {
    ...lag(viewers, "heardMs"),
    ...lag(viewers, "storedMs"),
    "floor, stored to read p50": round(percentile(lags([floor], stored, "storedMs"), 50)),
    "floor p99": round(percentile(lags([floor], stored, "storedMs"), 99)),
    "RSS before, MiB": Math.round(before.rss),
    "RSS at most, MiB": Math.round(most),
    "processor, ms": after.cpu - before.cpu,
    "build, ms": Math.round(after.ms - before.ms),
  };
}

function view(machine: Machine, id: number): Promise<Viewer> {
  return viewEvents(`${machine.apiUrl}/builds/${id}/events`, adminToken);
}

/** No two builds are the same, in whatever run, so that none is taken from the cache. */
function printing(turn: number): Files {
  const script = `: ${Date.now()}; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "${turn}: compiling module $i of ${lines}, as a compiler says it"; [ $((i % ${burst})) -ne 0 ] || usleep ${pauseMs * 1000}; done`;
  const run = JSON.stringify(["/bin/busybox", "sh", "-c", `/bin/busybox --install -s /bin; ${script}`]);
  return { Dockerfile: `FROM scratch\nCOPY busybox /bin/busybox\nENV PATH=/bin\nRUN ${run}\n` };
}

async function ended(fleet: Fleet, id: number): Promise<void> {
  const look = () => fleet.query<{ result: string | null }>("select result from build where id = $1", [id]);
  const [build] = await fleet.until(look, ([found]) => found?.result !== null, buildMsMax);
  if (build?.result !== "success") throw new Error(`the build ended with ${build?.result}`);
}

/** The most that is resident while the work goes on, MiB. */
async function highest(pid: number, work: () => Promise<void>): Promise<number> {
  let most = 0;
  const look = async () => {
    most = Math.max(most, await residentMib(pid, "VmRSS"));
  };
  const timer = setInterval(() => void look(), 100);
  try {
    await work();
    await look();
  } finally {
    clearInterval(timer);
  }
  return most;
}

async function linesOf(fleet: Fleet, id: number): Promise<Line[]> {
  return fleet.query<Line>(
    `select seq::int + place::int - 1 as seq, extract(epoch from (line ->> 'at')::timestamptz)::float8 * 1000 as "heardMs",
       extract(epoch from stored_at)::float8 * 1000 as "storedMs"
     from log_chunk, jsonb_array_elements(lines) with ordinality as l(line, place) where build_id = $1 order by 1`,
    [id],
  );
}

function lagOf(
  viewers: readonly Viewer[],
  stored: readonly Line[],
  from: "heardMs" | "storedMs",
): Record<string, number> {
  const all = lags(viewers, stored, from);
  const name = from === "heardMs" ? "printed to seen" : "stored to seen";
  return { [`${name} p50, ms`]: round(percentile(all, 50)), [`${name} p99`]: round(percentile(all, 99)) };
}

function lags(viewers: readonly Viewer[], stored: readonly Line[], from: "heardMs" | "storedMs"): number[] {
  return viewers.flatMap(({ arrivals }) => {
    let next = 0;
    return stored.flatMap((line) => {
      while ((arrivals[next]?.seq ?? Number.POSITIVE_INFINITY) < line.seq) next += 1;
      const arrival: Arrival | undefined = arrivals[next];
      return arrival === undefined ? [] : [arrival.atMs - line[from]];
    });
  });
}

function databaseUrl({ database }: Fleet): string {
  return `postgres://mergedock@localhost/postgres?host=${encodeURIComponent(database.connection.host)}`;
}
