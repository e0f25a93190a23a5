import { expect } from "chai";
import { type MergedCommit, type MergeEvidence, mergeRange } from "../../ci-server/core/merge-range.ts";

/** A commit whose parent bears the name of the next one on its line. */
function commit(sha: string, authorship: string, ...parents: string[]): MergedCommit {
  return { sha, authorship, parents };
}

const base = commit("base", "base", "older");
const older = commit("older", "older");
const [p1, p2] = [commit("p1", "first", "base"), commit("p2", "second", "p1")];
const own = [p2, p1];

function range(line: MergeEvidence["line"], change: Partial<MergeEvidence> = {}) {
  return mergeRange({ line, commits: 2, headSha: "p2", own, ...change });
}

describe("the range of a merge", () => {
  it("of a squash is its one commit, though it says what the commits said", () => {
    const squash = commit("s", "all of it", "base");
    expect(range([squash, base, older])).to.deep.equal({ method: "squash", since: "base" });
  });

  it("of a squash that cannot be told from a rebase is the same", () => {
    const alike = commit("s", "second", "base");
    expect(range([alike, base, older])).to.deep.equal({ method: "rebase", since: "base" });
    expect(range([alike, base], { commits: 1, own: [p2] })).to.deep.equal({ method: "rebase", since: "base" });
  });

  it("of a rebase reaches over its copies, and over no merge and no more than the pull request's commits", () => {
    const copies = [commit("c2", "second", "c1"), commit("c1", "first", "base")] as const;
    expect(range([...copies, base])).to.deep.equal({ method: "rebase", since: "base" });
    const third = commit("base", "first", "older");
    expect(range([...copies, third, older])).to.deep.equal({ method: "rebase", since: "base" });
    const merge = commit("c1", "first", "base", "x");
    expect(range([copies[0], merge, base])).to.deep.equal({ method: "rebase", since: "c1" });
  });

  it("is the wider one where the base branch has copies already, and so misses nothing", () => {
    const line = [commit("c2", "second", "picked"), commit("picked", "first", "base"), base] as const;
    expect(range(line)).to.deep.equal({ method: "rebase", since: "base" });
  });

  it("is not judged by commits that are not the delivery's", () => {
    const squash = commit("s", "all of it", "base");
    const wide = { method: "squash_or_rebase", since: "older" };
    expect(range([squash, base, older], { own: [p1] })).to.deep.equal(wide);
    expect(range([squash, base, older], { own: [] })).to.deep.equal(wide);
    expect(range([squash, base, older], { headSha: null })).to.deep.equal({ method: "squash", since: "base" });
    expect(range([squash, base], { own: [], commits: 1 })).to.deep.equal({ method: "squash", since: "base" });
  });

  it("of a head with two parents that the branch was moved to is not that of a merge", () => {
    const head = commit("p2", "second", "p1", "base");
    expect(range([head, p1, base], { own: [] })).to.deep.equal({ method: "fast_forward", since: "base" });
  });

  it("of a merge is what its second parent brought", () => {
    const merge = commit("m", "merge", "base", "p2");
    expect(range([merge, base, older])).to.deep.equal({ method: "merge", since: "base" });
  });
});
