// The Store on PostgreSQL: one connection pool, a transaction wherever two statements belong together.

import type { Pool, PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import { AppError } from "../../core/errors.ts";
import type { Store } from "../../core/ports.ts";
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
import { type BuildOrigin, findBuild, insertBuild, listBuilds } from "./builds.ts";
import { type Changes, notifyChanged } from "./changes.ts";
import { acceptDelivery, toStoredBody } from "./deliveries.ts";
import { once } from "./idempotency.ts";
import { findBody, findDelivery, findMergeBuild, insertRefusal, listDeliveries } from "./ledger.ts";
import { appendChunk, lastSeq, readChunks } from "./log-chunks.ts";
import { findChangedFiles, insertMerge } from "./merges.ts";
import type { BuildQueue } from "./queue.ts";
import { cancelBuild, fullQueue, type QueueLimits } from "./steering.ts";
import { toDatabaseError, transaction } from "./transaction.ts";

export interface StoreParts {
  readonly pool: Pool;
  readonly queue: BuildQueue;
  readonly changes: Changes;
  readonly limits: QueueLimits;
  /** Stands at the attempts that are begun here. */
  readonly worker: string;
}

export function createStore({ pool, queue, changes, limits, worker }: StoreParts): Store {
  const enqueue = async (client: PoolClient, request: BuildRequest, origin: BuildOrigin) => {
    const full = await fullQueue(client, request, limits);
    if (full !== null) throw new AppError("unavailable", full);
    const { id } = await insertBuild(client, request, origin);
    await queue.send(client, id, request.repository);
    return id;
  };
  const store: Store = {
    async accept(delivery, decision, request) {
      const body = await toStoredBody(delivery.body);
      const acceptance = { queue, limits, delivery, body, decision, request };
      const accept = () => transaction(pool, (client) => acceptDelivery(client, acceptance));
      return accept().catch((error: unknown) => {
        if (error instanceof AppError && error.details.retry === true) return accept();
        throw error;
      });
    },
    refuse: (refusal) => insertRefusal(pool, refusal),
    deliveries: (page) => listDeliveries(pool, page),
    delivery: (guid) => findDelivery(pool, guid),
    deliveryBody: (guid) => findBody(pool, guid),
    mergeBuild: (request, repositoryId) => findMergeBuild(pool, request, repositoryId),
    replay: (request, repositoryId) =>
      transaction(pool, (client) => enqueue(client, request, { repositoryId, replay: true })),
    request: (request, idempotencyKey) =>
      transaction(pool, (client) => {
        const make = () => enqueue(client, request, { repositoryId: null, replay: false });
        return idempotencyKey === null ? make() : once(client, idempotencyKey, request, make);
      }),
    build: (id) => findBuild(pool, id),
    builds: (page) => listBuilds(pool, page),
    begin: (id) => transaction(pool, (client) => beginAttempt(client, id, worker)),
    attempts: (id) => listAttempts(pool, id),
    artifacts: (id) => listArtifacts(pool, id),
    async cancel(id, reason) {
      await transaction(pool, async (client) => {
        await cancelBuild(client, id, reason);
        await client.query(notifyChanged, [String(id)]);
      });
    },
    resolveSha: (at, sha) => resolveSha(pool, at, sha),
    stageStarted: (at, stage) => startStage(pool, at, stage),
    stageEnded: (at, stage, ms, result) => endStage(pool, at, stage, ms, result),
    keepArtifact: (at, artifact) => keepArtifact(pool, at, artifact),
    appendLog: (at, lines) => appendChunk(pool, at, lines),
    giveBack: (at) => giveBack(pool, at),
    finish: (at, end) => transaction(pool, (client) => finishBuild(client, at, end)),
    recordMerge: (at, record) => transaction(pool, (client) => insertMerge(client, at, record)),
    changedFiles: (id) => findChangedFiles(pool, id),
    readLog: (id, afterSeq) => readChunks(pool, id, afterSeq),
    lastLogSeq: (id) => lastSeq(pool, id),
    changed: (id, ms, signal) => changes.next(id, ms, signal),
    async check() {
      const { rows } = await pool.query<{ version: string }>("select current_setting('server_version') as version");
      return `PostgreSQL ${rows[0]?.version}`;
    },
  };
  return withDatabaseErrors(store);
}

/** Lets every call throw `unavailable` when the database is the trouble. */
function withDatabaseErrors(store: Store): Store {
  const guarded = Object.entries(store).map(([name, call]) => {
    const guard = (...args: never[]) =>
      (call as (...args: never[]) => Promise<unknown>)(...args).catch((error: unknown) => {
        throw error instanceof AppError ? error : toDatabaseError(error);
      });
    return [name, guard];
  });
  return Object.fromEntries(guarded) as unknown as Store; // the same names with the same signatures
}
