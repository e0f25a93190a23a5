// Which pull request a commit of a base branch is the merge of, as far as the commit tells.
// Source: the default messages of GitHub ("Merge pull request #7 from ...", "Title (#7)") and of Gitea and Forgejo
// ("Merge pull request 'Title' (#7) from ...", "Title (#7)"). A rebase leaves no trace of its pull request.

export interface BranchCommit {
  readonly sha: string;
  readonly parents: readonly string[];
  readonly committedAt: Date;
  readonly author: string;
  readonly message: string;
}

export interface RecognisedMerge {
  readonly number: number;
  readonly title: string;
  /** What follows the title. */
  readonly body: string;
  readonly headSha: string | null;
}

/** Heads of pull requests by number; a remote that shows none is one that keeps none. */
export type PullHeads = ReadonlyMap<number, string>;

const numberMax = 2 ** 31 - 1;
const ofGithub = /^Merge pull request #(\d{1,10}) from \S/;
const ofGitea = /^Merge pull request '(.*)' \(#(\d{1,10})\) from \S/;
/** Nothing in it may match in two ways: strangers write subjects of any length. */
const squashed = /^(.*)\(#(\d{1,10})\)$/;

/** Null: none can be named. Where the remote shows pull requests, a number that is none of them is that of an issue. */
export function recogniseMerge(commit: BranchCommit, heads: PullHeads): RecognisedMerge | null {
  const found = commit.parents.length > 1 ? ofMergeCommit(commit, heads) : ofSquash(commit);
  if (found === null || found.number < 1 || found.number > numberMax) return null;
  if (heads.size > 0 && !heads.has(found.number)) return null;
  const headSha = heads.get(found.number) ?? null;
  // Whoever may push writes any message; a forge leaves the head where it was at the merge.
  if (commit.parents.length > 1 && headSha !== null && !commit.parents.includes(headSha)) return null;
  return { ...found, headSha };
}

type Read = Omit<RecognisedMerge, "headSha">;

function ofMergeCommit(commit: BranchCommit, heads: PullHeads): Read | null {
  const { subject, body } = partsOf(commit.message);
  const [, title = "", inBrackets] = ofGitea.exec(subject) ?? [];
  if (inBrackets !== undefined) return { number: Number(inBrackets), title, body };
  const [, number] = ofGithub.exec(subject) ?? [];
  // GitHub writes the pull request's title below.
  if (number !== undefined) return { number: Number(number), title: partsOf(body).subject || subject, body };
  // Somebody wrote a message of their own: what was merged says which one it was.
  const [, merged] = commit.parents;
  const head = [...heads].find(([, sha]) => sha === merged);
  return head === undefined ? null : { number: head[0], title: subject, body };
}

function ofSquash({ message }: BranchCommit): Read | null {
  const { subject, body } = partsOf(message);
  const [, title = "", number] = squashed.exec(subject) ?? [];
  return number === undefined ? null : { number: Number(number), title: title.trimEnd(), body };
}

function partsOf(message: string): { readonly subject: string; readonly body: string } {
  const [subject = "", ...rest] = message.trim().split("\n");
  return { subject: subject.trim(), body: rest.join("\n").trim() };
}
