// The Accounts on PostgreSQL.

import type { Pool } from "pg";
import type { Accounts } from "../../core/ports.ts";
import { insertAudit, listAudit } from "./audit.ts";
import { withDatabaseErrors } from "./store.ts";
import {
  deleteSession,
  findSessionToken,
  findTokenOwner,
  insertSession,
  insertToken,
  listTokens,
  revokeToken,
} from "./tokens.ts";

export function createAccounts(pool: Pool): Accounts {
  return withDatabaseErrors<Accounts>({
    tokens: () => listTokens(pool),
    createToken: (token, tokensMax) => insertToken(pool, token, tokensMax),
    revokeToken: (name) => revokeToken(pool, name),
    tokenOwner: (hash) => findTokenOwner(pool, hash),
    startSession: (session) => insertSession(pool, session),
    sessionToken: (hash) => findSessionToken(pool, hash),
    endSession: (hash) => deleteSession(pool, hash),
    record: (entry, entriesMax) => insertAudit(pool, entry, entriesMax),
    audit: (page) => listAudit(pool, page),
  });
}
