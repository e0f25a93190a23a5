import { expect } from "chai";
import { decide } from "../../ci-server/core/decide.ts";
import type { PullRequest, PullRequestEvent } from "../../ci-server/core/delivery.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";

const sha = "a".repeat(40);
const shop: Repository = {
  name: "acme/shop",
  url: "https://forge.test/acme/shop.git",
  branches: ["main", "release/*"],
  services: [{ name: "shop", context: ".", dockerfile: "Dockerfile" }],
  concurrency: "queue",
};
const pullRequest: PullRequest = {
  ...{ number: 7, title: "Add a cart", url: "https://forge.test/acme/shop/pull/7", merged: true, mergeCommitSha: sha },
  ...{ baseRef: "main", commits: 1, author: "ada", mergedBy: "bob" },
};

function closed(change: Partial<PullRequest> = {}, event: Partial<PullRequestEvent> = {}): PullRequestEvent {
  const base = { kind: "pull_request", action: "closed", repository: "acme/shop", repositoryId: 1 } as const;
  return { ...base, pullRequest: { ...pullRequest, ...change }, ...event };
}

describe("decide", () => {
  it("builds a pull request that was merged into a configured branch", () => {
    const decision = decide(closed(), [shop], "pull_request");
    expect(decision).to.include({ verdict: "build", sha, repository: shop, repositoryId: 1 });
    expect(decision.reason).to.equal("pull request #7 was merged into main");
    expect(decision.rules.map(({ rule, passed }) => [rule, passed])).to.deep.equal([
      ["event", true],
      ["action", true],
      ["merged", true],
      ["repository", true],
      ["branch", true],
    ]);
  });

  it("takes the repository's name in any case, as the forge does", () => {
    expect(decide(closed({}, { repository: "Acme/Shop" }), [shop], "pull_request").verdict).to.equal("build");
  });

  it("builds a merge into a branch that a pattern allows", () => {
    expect(decide(closed({ baseRef: "release/1.2" }), [shop], "pull_request").verdict).to.equal("build");
  });

  const skipped: [string, PullRequestEvent, string, string][] = [
    ["one that was only opened", closed({}, { action: "opened" }), "action", "pull_request.opened builds nothing"],
    ["one closed without merging", closed({ merged: false }), "merged", "pull request #7 was closed without merging"],
    ["one whose forge names no merge commit", closed({ mergeCommitSha: null }), "merged", "closed without merging"],
    [
      "a repository that is not configured",
      closed({}, { repository: "acme/else" }),
      "repository",
      "acme/else is not configured",
    ],
    [
      "a branch that is not configured",
      closed({ baseRef: "wip" }),
      "branch",
      "wip is not among the branches of acme/shop (main, release/*)",
    ],
    [
      "a branch below a pattern's one segment",
      closed({ baseRef: "release/1/2" }),
      "branch",
      "release/1/2 is not among",
    ],
  ];
  for (const [what, event, rule, reason] of skipped) {
    it(`skips ${what}, and says so`, () => {
      const decision = decide(event, [shop], "pull_request");
      expect(decision.verdict).to.equal("skip");
      expect(decision.reason).to.contain(reason);
      expect(decision.rules.at(-1)).to.include({ rule, passed: false });
    });
  }

  it("skips other events, and a ping with a friendly word", () => {
    const push = decide({ kind: "other", repository: "acme/shop", action: null }, [shop], "push");
    expect(push).to.include({ verdict: "skip", reason: "event push builds nothing; only pull_request does" });
    const ping = decide({ kind: "ping", repository: "acme/shop", action: null }, [shop], "ping");
    expect(ping.reason).to.equal("ping: the hook is set up");
  });
});
