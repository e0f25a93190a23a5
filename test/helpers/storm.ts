// Deliveries in a shuffled order, each sent again until it is acknowledged, on machines that are killed meanwhile; and what must be
// true after that, whatever happened.

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { createRegistry } from "../../ci-server/adapters/registry.ts";
import type { Fleet, Machine, Merged } from "./fleet.ts";

/** A delivery that was answered with 202; its times are of this process's own clock. */
export interface Acknowledged {
  readonly guid: string;
  readonly merged: Merged;
  readonly sentMs: number;
  readonly acknowledgedMs: number;
}

const againMs = 50;

/** Sends it as a forge does that is asked to redeliver: the same GUID, to whoever is up, until it is acknowledged. */
export async function deliverUntilAcknowledged(
  fleet: Fleet,
  receivers: readonly Machine[],
  merged: Merged,
): Promise<Acknowledged> {
  const guid = randomUUID();
  const sentMs = performance.now();
  for (;;) {
    const up = receivers.filter(({ isUp }) => isUp);
    const receiver = up[Math.floor(Math.random() * up.length)];
    const answer = receiver && (await fleet.deliver(receiver, merged.payload, guid).catch(() => undefined));
    if (answer?.status === 202) return { guid, merged, sentMs, acknowledgedMs: performance.now() };
    if (answer !== undefined && answer.status < 500) throw new Error(`${answer.status} ${answer.body}`);
    await delay(againMs);
  }
}

/** The invariant of every fault: nothing acknowledged is lost, nothing is doubled, nothing is out of order, nothing is left. */
export async function checkInvariant(fleet: Fleet, acknowledged: readonly Acknowledged[]): Promise<Figures> {
  const builds = await listBuilds(fleet);
  const stored = new Set((await fleet.query<{ guid: string }>("select guid from delivery")).map(({ guid }) => guid));
  const lost = acknowledged.filter(
    ({ guid, merged }) => !stored.has(guid) || !builds.some((build) => isOf(build, merged)),
  );
  const doubled =
    builds.length - new Set(acknowledged.map(({ merged }) => keyOf(merged.repository.name, merged.sha))).size;
  expect(builds.filter(({ result }) => result !== "success").map(({ id, failure }) => ({ id, failure }))).to.deep.equal(
    [],
  );
  expect(findOverlaps(builds), "at once").to.deep.equal([]);
  expect(findDisorder(builds, acknowledged), "out of order").to.deep.equal([]);
  expect(await findGaps(fleet), "gaps in logs").to.deep.equal([]);
  expect(await findMissing(fleet, builds), "not in the registry").to.deep.equal([]);
  expect(await fleet.lab.docker.listContainers({ all: true })).to.deep.equal([]);
  expect(await fleet.query("select id from pgboss.job where name = 'build' and state < 'completed'")).to.deep.equal([]);
  expect({ lost: lost.length, doubled }).to.deep.equal({ lost: 0, doubled: 0 });
  const attempts = builds.reduce((sum, build) => sum + build.attempts, 0);
  return { acknowledged: acknowledged.length, builds: builds.length, attempts, lost: lost.length, doubled };
}

export interface Figures {
  readonly acknowledged: number;
  readonly builds: number;
  readonly attempts: number;
  readonly lost: number;
  readonly doubled: number;
}

/** Resolves when every build has its result and the queue is done with it. */
export async function allEnded(fleet: Fleet, msMax: number): Promise<void> {
  const open = "select count(*)::int as count from build where result is null";
  await fleet.until(
    () => fleet.query<{ count: number }>(open),
    ([row]) => row?.count === 0,
    msMax,
  );
  const jobs = "select count(*)::int as count from pgboss.job where name = 'build' and state < 'completed'";
  // Completing a job is told to nobody.
  while ((await fleet.query<{ count: number }>(jobs))[0]?.count !== 0) await delay(againMs);
}

interface EndedBuild {
  readonly id: number;
  readonly repository: string;
  readonly sha: string;
  readonly result: string;
  readonly failure: unknown;
  readonly attempts: number;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly digest: string;
  readonly tags: readonly string[];
}

function listBuilds(fleet: Fleet): Promise<EndedBuild[]> {
  return fleet.query<EndedBuild>(
    `select b.id::int, b.repository, b.sha, b.result, b.failure, b.attempts, b.started_at as "startedAt",
       b.finished_at as "finishedAt", i.digest, i.tags
     from build b left join image i on i.build_id = b.id order by b.id`,
  );
}

function keyOf(repository: string, sha: string): string {
  return `${repository}@${sha}`;
}

function isOf(build: EndedBuild, { repository, sha }: Merged): boolean {
  return keyOf(build.repository, build.sha) === keyOf(repository.name, sha);
}

/** Of one repository, each begins after the end of the one before. */
function findOverlaps(builds: readonly EndedBuild[]): string[] {
  const begun = builds.toSorted((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
  return begun.flatMap((build, index) => {
    const next = begun.slice(index + 1).find(({ repository }) => repository === build.repository);
    return next !== undefined && next.startedAt < build.finishedAt ? [`${build.id} and ${next.id}`] : [];
  });
}

/**
 * What was acknowledged before another merge of its repository was sent for the first time is built before it. Merges that
 * receivers take in at the same moment are in the order of their commits, which nobody outside can know.
 */
function findDisorder(builds: readonly EndedBuild[], acknowledged: readonly Acknowledged[]): string[] {
  const known = builds.map((build) => {
    const own = acknowledged.filter(({ merged }) => isOf(build, merged));
    const sentMs = Math.min(...own.map((one) => one.sentMs));
    return { ...build, sentMs, acknowledgedMs: Math.min(...own.map((one) => one.acknowledgedMs)) };
  });
  return known.flatMap((early) =>
    known
      .filter((late) => late.repository === early.repository && early.acknowledgedMs < late.sentMs)
      .filter((late) => late.startedAt < early.startedAt)
      .map((late) => `${late.id} before ${early.id}`),
  );
}

/** Lines are numbered without a gap, and the last one says how it ended. */
async function findGaps(fleet: Fleet): Promise<number[]> {
  const rows = await fleet.query<{ id: number }>(
    `select build_id::int as id from log_chunk group by build_id
     having min(seq) <> 1 or sum(jsonb_array_length(lines)) <> max(seq + jsonb_array_length(lines) - 1)
       or (array_agg(lines->-1->>'text' order by seq desc))[1] <> 'success'`,
  );
  return rows.map(({ id }) => id);
}

async function findMissing(fleet: Fleet, builds: readonly EndedBuild[]): Promise<string[]> {
  const { registry: address, account } = fleet.lab;
  const ca = await readFile(address.caFile, "utf8");
  const registry = createRegistry({ apiUrl: address.apiUrl, ca, ...account, timeoutMs: 5_000 });
  const missing: string[] = [];
  for (const { id, repository, tags, digest } of builds) {
    // A later build has moved it on.
    for (const tag of tags.filter((each) => each !== "latest")) {
      const manifest = await registry.manifest(repository, tag, new AbortController().signal);
      if (manifest?.digest !== digest) missing.push(`build ${id}: ${tag} is ${manifest?.digest} and not ${digest}`);
    }
  }
  await registry.close();
  return missing;
}
