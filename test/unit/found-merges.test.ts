// Which merges a branch's commits show, and what is decided of them.

import { expect } from "chai";
import { decide } from "../../ci-server/core/decide.ts";
import type { FoundEvent } from "../../ci-server/core/delivery.ts";
import { foundReader, toFoundDelivery } from "../../ci-server/core/found-event.ts";
import { type BranchRange, foundEvents, untilYoung } from "../../ci-server/core/found-merges.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";
import { type BranchCommit, recogniseMerge } from "../../ci-server/core/recognise-merge.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 20, 12, minute));

function commit(message: string, change: Partial<BranchCommit> = {}): BranchCommit {
  const sha = Buffer.from(message).toString("hex").padEnd(40, "0").slice(0, 40);
  return { sha, parents: ["p"], committedAt: at(0), author: "Ada", message, ...change };
}

const merged = (message: string) => commit(message, { parents: ["p", "h".repeat(40)] });

describe("a commit of a base branch", () => {
  const noHeads = new Map<number, string>();

  it("is GitHub's merge of a pull request, whose title stands below", () => {
    const found = recogniseMerge(
      merged("Merge pull request #7 from acme/cart\n\nAdd a cart\n\nIt holds things."),
      noHeads,
    );
    expect(found).to.include({ number: 7, title: "Add a cart" });
  });

  it("is Gitea's, whose title stands in it", () => {
    const found = recogniseMerge(merged("Merge pull request 'Add a (good) cart' (#8) from cart into main"), noHeads);
    expect(found).to.include({ number: 8, title: "Add a (good) cart" });
  });

  it("is a squash, by the number at the end of its subject; a revert's own number counts", () => {
    expect(recogniseMerge(commit("Add a cart (#9)\n\n* more"), noHeads)).to.include({ number: 9, title: "Add a cart" });
    expect(recogniseMerge(commit('Revert "Add a cart (#9)" (#10)'), noHeads)).to.include({ number: 10 });
  });

  it("is a merge with a message of somebody's own, by the head that it merged", () => {
    const heads = new Map([[11, "h".repeat(40)]]);
    expect(recogniseMerge(merged("Bring in the cart"), heads)).to.include({ number: 11, headSha: "h".repeat(40) });
    expect(recogniseMerge(merged("Bring in the cart"), noHeads)).to.equal(null);
  });

  it("is none where the number is that of an issue, is said in passing, or is too large to be one", () => {
    const heads = new Map([[1, "a".repeat(40)]]);
    expect(recogniseMerge(commit("Mend the cart (#12)"), heads)).to.equal(null);
    for (const message of ["Mend #12", "Mend (#12) at last", "Mend (#0)", "Mend (#9999999999)"])
      expect(recogniseMerge(commit(message), noHeads), message).to.equal(null);
  });

  it("is none where it names a pull request and has merged something else: anybody who pushes writes a message", () => {
    const heads = new Map([[7, "a".repeat(40)]]);
    for (const message of [
      "Merge pull request #7 from acme/cart\n\nAdd a cart",
      "Merge pull request 'Cart' (#7) from cart",
    ])
      expect(recogniseMerge(merged(message), heads), message).to.equal(null);
    const real = new Map([[7, "h".repeat(40)]]);
    expect(recogniseMerge(merged("Merge pull request #7 from acme/cart"), real)).to.include({ number: 7 });
  });

  it("is read however many blanks a stranger has put into it", () => {
    const blanks = " ".repeat(1_000_000);
    expect(recogniseMerge(commit(`Add${blanks}a cart`), noHeads)).to.equal(null);
    expect(recogniseMerge(commit(`Add a cart${blanks}(#9)`), noHeads)).to.include({ number: 9, title: "Add a cart" });
  });

  it("says nothing by its subject where it has two parents: somebody merged a branch", () => {
    expect(recogniseMerge(merged("Merge branch 'main' (#12)"), noHeads)).to.equal(null);
  });
});

describe("the commits that a branch has gained", () => {
  function range(commits: readonly BranchCommit[], known: Partial<BranchRange["known"]> = {}): BranchRange {
    const repository = exampleRepository();
    return {
      ...{ repository, branch: "main", commits, heads: new Map() },
      known: { shas: new Map(), numbers: new Set(), ...known },
    };
  }
  const told = (events: readonly FoundEvent[]) =>
    events.map(({ action, sha, commits, pullRequest }) => [action, sha, commits, pullRequest?.number ?? null]);

  it("are merges in their order, and one entry for all that came by no pull request", () => {
    const [one, two] = [commit("One (#1)"), commit("Two (#2)")];
    const [push, later] = [commit("Push"), commit("Push more")];
    expect(told(foundEvents(range([one, push, two, later])))).to.deep.equal([
      ["merged", one.sha, 1, 1],
      ["merged", two.sha, 1, 2],
      ["pushed", later.sha, 2, null],
    ]);
  });

  it("are left alone where their merge has a build, with what a rebase brought before it", () => {
    const commits = ["Before", "First of three", "Second", "Third"].map((message) => commit(message));
    const [before, , , third] = commits;
    const found = foundEvents(range(commits, { shas: new Map([[third?.sha ?? "", 3]]) }));
    expect(told(found)).to.deep.equal([["pushed", before?.sha, 1, null]]);
  });

  it("are left alone where their pull request was seen, or comes twice: a commit that was picked names it too", () => {
    const commits = [commit("One (#1)"), commit("Two (#2)"), commit("Two again (#2)")];
    const found = foundEvents(range(commits, { numbers: new Set([1]) }));
    expect(told(found)).to.deep.equal([["merged", commits[1]?.sha, 1, 2]]);
  });

  it("have the page of their pull request, as the forge names it", () => {
    const url = "ssh://git@forge.test:2222/acme/shop.git";
    const [github, gitea] = (["github", "gitea"] as const).map((name) => {
      const forge = { name, apiUrl: null, tokenFile: null };
      return foundEvents({ ...range([commit("One (#1)")]), repository: exampleRepository({ url, forge }) })[0];
    });
    expect(github?.pullRequest?.url).to.equal("https://forge.test/acme/shop/pull/1");
    expect(gitea?.pullRequest?.url).to.equal("https://forge.test/acme/shop/pulls/1");
  });

  it("wait for their delivery while they are young, and so does all that came after", () => {
    const commits = [0, 5, 3, 9].map((minute) => commit(`at ${minute}`, { committedAt: at(minute) }));
    const ripe = (now: Date, graceSeconds = 60) => untilYoung(commits, { now, graceSeconds }).length;
    expect(ripe(at(20))).to.equal(4);
    expect(ripe(at(5))).to.equal(1);
    expect(ripe(at(5), 0)).to.equal(4);
    // Another clock may be a little ahead of ours; one that is far ahead says nothing.
    expect(ripe(new Date(at(3).getTime() - 30_000))).to.equal(2);
    expect(ripe(new Date(at(0).getTime() - 600_000))).to.equal(4);
  });
});

describe("a merge that git showed", () => {
  function found(message = "Add a cart (#7)"): FoundEvent {
    const [event] = foundEvents({
      ...{ repository: exampleRepository(), branch: "main", commits: [commit(message)], heads: new Map() },
      known: { shas: new Map(), numbers: new Set() },
    });
    if (event === undefined) throw new Error("nothing was found");
    return event;
  }
  const decided = (change: Partial<Repository>, event = found()) =>
    decide(event, [exampleRepository(change)], { forge: "git", name: "reconcile" });

  it("is built, and the trace says what it was judged by", () => {
    const decision = decided({});
    expect(decision).to.include({ verdict: "build", trigger: "reconcile", repositoryId: null });
    expect(decision.reason).to.equal("pull request #7 was merged into main, as git shows; no delivery told of it");
    const names = ["event", "merge", "repository", "labels", "branch", "skip directive"];
    expect(decision.rules.map(({ rule, passed }) => [rule, passed])).to.deep.equal(names.map((name) => [name, true]));
  });

  it("is not built where the repository asks for labels, which git does not hold", () => {
    for (const change of [{ labels: ["build"] }, { labelsIgnore: ["docs"] }])
      expect(decided(change).reason).to.contain("git does not show those of pull request #7");
  });

  it("is not built where its message says so, or its branch is not allowed any more", () => {
    expect(decided({}, found("Add a cart [skip ci] (#7)")).reason).to.contain("says [skip ci] in its title");
    expect(decided({}, found("Add a cart (#7)\n\n[no ci]")).reason).to.contain("says [no ci] in its body");
    expect(decided({ branches: ["release/*"] }).reason).to.contain("base branch main is not among the branches");
    expect(decided({ name: "acme/other" }).reason).to.contain("acme/shop is not configured any more");
  });

  it("is one delivery whoever finds it, read again as it was written", () => {
    const event = found();
    const { guid, body, headers, name } = toFoundDelivery(event);
    expect(toFoundDelivery({ ...event, repository: "ACME/Shop" }).guid).to.equal(guid);
    expect(toFoundDelivery({ ...event, repository: "acme/other" }).guid).to.not.equal(guid);
    expect(guid).to.match(/^[A-Za-z0-9-]{1,64}$/);
    expect(foundReader.read({ name, headers, body })).to.deep.equal(event);
  });
});
