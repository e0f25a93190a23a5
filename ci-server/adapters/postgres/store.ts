// The Store on PostgreSQL: one connection pool, a transaction wherever two statements belong together.

import type { Pool, PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import type { LedgerLimits } from "../../core/delivery.ts";
import { AppError } from "../../core/errors.ts";
import type { Accepted, Arrived, Store } from "../../core/ports.ts";
import { acceptAll } from "./accept-all.ts";
import { acceptBatch } from "./accept-batch.ts";
import {
  beginAttempt,
  endStage,
  finishBuild,
  giveBack,
  keepArtifact,
  listArtifacts,
  listAttempts,
  resolveSha,
  startStage,
} from "./attempts.ts";
import { claimBaseRound, findMadeImage, listWatchedImages, rebuildBase } from "./bases.ts";
import { type Acceptance, isFound } from "./batch-ledger.ts";
import { createBatcher } from "./batcher.ts";
import { BuildIds } from "./build-ids.ts";
import { type BuildOrigin, findBuild, findCancelReason, insertBuild, listBuilds } from "./builds.ts";
import { type Changes, notifyChanged } from "./changes.ts";
import { once } from "./idempotency.ts";
import { findBody, findDelivery, findMergeBuild, insertRefusal, listDeliveries } from "./ledger.ts";
import { Locks } from "./locks.ts";
import { appendChunk, logSize, readChunks } from "./log-chunks.ts";
import { findChangedFiles, insertMerge } from "./merges.ts";
import { findRepositoryAbout, insertPlan, listRepositoriesWith, listServiceImages, listSuperseded } from "./plans.ts";
import type { BuildQueue } from "./queue.ts";
import { type QueueLimits, QueueRoom } from "./queue-room.ts";
import type { RepositorySettings } from "./repository-settings.ts";
import { sweepLedger } from "./retention.ts";
import { cancelBuild } from "./steering.ts";
import { findSteps, replaceSteps } from "./steps.ts";
import { toStoredBody } from "./stored-body.ts";
import { toDatabaseError, transaction } from "./transaction.ts";

/** Deliveries in one transaction. */
const batchMax = 64;

export interface StoreParts {
  readonly pool: Pool;
  readonly queue: BuildQueue;
  readonly changes: Changes;
  readonly settings: RepositorySettings;
  readonly limits: QueueLimits;
  readonly ledgerLimits: LedgerLimits;
  /** Stands at the attempts that are begun here. */
  readonly worker: string;
}

/** Its body is being compressed while it waits: a large one must not be overtaken by a later delivery. */
type Arrival = Omit<Acceptance, "body"> & { readonly body: Promise<Acceptance["body"]> };

export function createStore({ pool, queue, changes, settings, limits, ledgerLimits, worker }: StoreParts): Store {
  const enqueue = async (client: PoolClient, request: BuildRequest, origin: BuildOrigin) => {
    const room = new QueueRoom(limits);
    await room.refresh(client, [request.repository]);
    const full = room.full(request.repository, false);
    if (full !== null) throw new AppError("unavailable", full);
    const id = await insertBuild(client, request, origin);
    parts.ids.forget();
    await settings.refresh(client);
    const { repository } = request;
    await queue.send(client, [{ buildId: id, repository, concurrency: settings.concurrencyOf(repository) }]);
    return id;
  };
  const makeOnce = (request: BuildRequest, origin: BuildOrigin, idempotencyKey: string | null) =>
    transaction(pool, (client) => {
      const make = () => enqueue(client, request, origin);
      return idempotencyKey === null ? make() : once(client, idempotencyKey, request, make);
    });
  const locks = new Locks(pool);
  const parts = { queue, settings, room: new QueueRoom(limits), ids: new BuildIds() };
  const accept = createBatcher<Arrival, Accepted | AppError>({
    itemsMax: batchMax,
    async run(arrivals) {
      const batch = await Promise.all(arrivals.map(async (arrival) => ({ ...arrival, body: await arrival.body })));
      return acceptBatch(pool, parts, batch);
    },
    // A value that the database refuses fails alone. Trouble with the database would be the same for each.
    isOfOneItem: (cause) => !(cause instanceof AppError && cause.code === "unavailable"),
  });
  const acceptEach = (arrived: readonly Arrived[]) => {
    // What is delivered meanwhile and after it has to have higher ids than it.
    parts.ids.forget();
    return acceptAll(pool, { queue, settings, limits }, arrived).finally(() => parts.ids.forget());
  };
  const store: Store = {
    async accept(delivery, decision, request) {
      // In a batch with the delivery of the same merge neither would know of the other.
      if (isFound({ delivery })) return (await acceptEach([{ delivery, decision, request }]))[0] as Accepted; // one for one
      const body = toStoredBody(delivery.body);
      // Its failure is heard when its turn has come; until then it is nobody's.
      body.catch(() => undefined);
      const outcome = await accept({ delivery, body, decision, request });
      if (outcome instanceof AppError) throw outcome;
      return outcome;
    },
    acceptAll: acceptEach,
    refuse: (refusal) => insertRefusal(pool, refusal),
    deliveries: (page) => listDeliveries(pool, page),
    delivery: (guid) => findDelivery(pool, guid),
    deliveryBody: (guid) => findBody(pool, guid),
    sweepLedger: (signal) => sweepLedger(pool, ledgerLimits, signal),
    mergeBuild: (request, repositoryId) => findMergeBuild(pool, request, repositoryId),
    replay: (request, repositoryId, idempotencyKey = null) =>
      makeOnce(request, { repositoryId, replay: true }, idempotencyKey),
    request: (request, idempotencyKey) => makeOnce(request, { repositoryId: null, replay: false }, idempotencyKey),
    build: (id) => findBuild(pool, id),
    cancelReason: (id) => findCancelReason(pool, id),
    builds: (page) => listBuilds(pool, page),
    begin: (id) => transaction(pool, (client) => beginAttempt(client, id, worker)),
    attempts: (id) => listAttempts(pool, id),
    artifacts: (id) => listArtifacts(pool, id),
    madeImage: (path, key) => findMadeImage(pool, path, key),
    watchedImages: (repositories) => listWatchedImages(pool, repositories),
    claimBaseRound: (everySeconds) => claimBaseRound(pool, everySeconds),
    rebuildBase: (rebuild) => rebuildBase(pool, enqueue, rebuild),
    async cancel(id, reason) {
      await transaction(pool, async (client) => {
        await cancelBuild(client, queue, id, reason);
        await client.query(notifyChanged, [String(id)]);
      });
    },
    resolveSha: (at, sha) => resolveSha(pool, at, sha),
    stageStarted: (at, stage, before) => startStage(pool, at, stage, before),
    stageEnded: (at, ended) => endStage(pool, at, ended),
    keepArtifact: (at, artifact) => keepArtifact(pool, at, artifact),
    recordSteps: (at, service, steps) => replaceSteps(pool, at, service, steps),
    appendLog: (at, lines) => appendChunk(pool, at, lines),
    giveBack: (at) => giveBack(pool, at),
    finish: (at, end) => transaction(pool, (client) => finishBuild(client, at, end)),
    recordMerge: (at, record) => transaction(pool, (client) => insertMerge(client, at, record)),
    async recordPlan(at, record) {
      await transaction(pool, (client) => insertPlan(client, at, record));
      settings.forget();
    },
    superseded: (id) => listSuperseded(pool, id),
    serviceImages: (build, services) => listServiceImages(pool, build, services),
    repositoryAbout: (repository) => findRepositoryAbout(pool, repository),
    repositoriesWith: (service) => listRepositoriesWith(pool, service),
    steps: (id) => findSteps(pool, id),
    changedFiles: (id) => findChangedFiles(pool, id),
    lock: (name, signal, work) => locks.hold(name, signal, work),
    readLog: (id, afterSeq, linesMax) => readChunks(pool, id, afterSeq, linesMax),
    logSize: (id) => logSize(pool, id),
    changed: (id, ms, signal) => changes.next(id, ms, signal),
    async check() {
      const { rows } = await pool.query<{ version: string }>("select current_setting('server_version') as version");
      return `PostgreSQL ${rows[0]?.version}`;
    },
  };
  return withDatabaseErrors(store);
}

/** Lets every call throw `unavailable` when the database is the trouble. */
export function withDatabaseErrors<T extends object>(calls: T): T {
  const guarded = Object.entries(calls).map(([name, call]) => {
    const guard = (...args: never[]) =>
      (call as (...args: never[]) => Promise<unknown>)(...args).catch((error: unknown) => {
        throw error instanceof AppError ? error : toDatabaseError(error);
      });
    return [name, guard];
  });
  return Object.fromEntries(guarded) as unknown as T; // the same names with the same signatures
}
