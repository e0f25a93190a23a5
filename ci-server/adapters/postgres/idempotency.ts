// The same request under the same key is one build. Source: draft-ietf-httpapi-idempotency-key-header.

import { createHash } from "node:crypto";
import type { PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import { AppError } from "../../core/errors.ts";

/** The build that the key has already, else what `make` makes under the key. To be run in one transaction. */
export async function once(
  client: PoolClient,
  key: string,
  request: BuildRequest,
  make: () => Promise<number>,
): Promise<number> {
  const digest = createHash("sha256").update(JSON.stringify(request)).digest();
  // Whoever comes second with the same key waits here until the first one has committed.
  await client.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [key]);
  const { rows } = await client.query<{ request: Buffer; build_id: string }>(
    "select request, build_id from idempotency_key where key = $1",
    [key],
  );
  const [known] = rows;
  if (known === undefined) {
    const id = await make();
    await client.query("insert into idempotency_key (key, request, build_id) values ($1, $2, $3)", [key, digest, id]);
    return id;
  }
  if (!known.request.equals(digest))
    throw new AppError("conflict", `Idempotency-Key "${key}" was used for another request; use a new one`);
  return Number(known.build_id);
}
