// Asks a mirror which of two commits comes first.

import type { SimpleGit } from "simple-git";

export interface AncestryParts {
  readonly open: () => SimpleGit;
  /** Brings what the remote has by now. */
  readonly fetch: () => Promise<void>;
  readonly signal: AbortSignal;
}

const shaPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Of two commits that are known the answer never changes: it is asked for once. */
export function ancestryOf(parts: AncestryParts): (sha: string, of: string) => Promise<boolean | null> {
  const answers = new Map<string, boolean>();
  return async (sha, of) => {
    const key = `${sha} ${of}`;
    const answer = answers.get(key) ?? (await isAncestor(parts, sha, of));
    if (answer !== null) answers.set(key, answer);
    return answer;
  };
}

/** Null when one of them is not known after a fetch either. */
async function isAncestor(parts: AncestryParts, sha: string, of: string): Promise<boolean | null> {
  if (!shaPattern.test(sha) || !shaPattern.test(of)) return null;
  const known = await ask(parts, sha, of);
  if (known !== null) return known;
  // A commit that was merged and built since, by whatever machine, is not here yet.
  await parts.fetch();
  return ask(parts, sha, of);
}

async function ask({ open, signal }: AncestryParts, sha: string, of: string): Promise<boolean | null> {
  try {
    return (await open().raw(["merge-base", sha, of])).trim() === sha;
  } catch (error) {
    signal.throwIfAborted();
    const text = String(error);
    // Two histories without a common commit have none: git ends with 1.
    if (/git ended with 1$/.test(text.trim())) return false;
    if (/Not a valid (?:commit|object) name|bad object|no such commit/i.test(text)) return null;
    throw error;
  }
}
