import { expect } from "chai";
import { type BuildDecision, decide, withChanged, withLateRule, withLedger } from "../../ci-server/core/decide.ts";
import type { PullRequest, PullRequestEvent, RuleVerdict } from "../../ci-server/core/delivery.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { examplePullRequest } from "../helpers/example-pull-request.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const sha = "a".repeat(40);
const shop = exampleRepository({ branches: ["main", "release/*"] });
const sent = { forge: "github", name: "pull_request" };

function closed(change: Partial<PullRequest> = {}, event: Partial<PullRequestEvent> = {}): PullRequestEvent {
  const base = { kind: "pull_request", action: "closed", repository: "acme/shop", repositoryId: 1 } as const;
  return { ...base, about: exampleAbout, pullRequest: examplePullRequest(change), ...event };
}

describe("decide", () => {
  it("builds a pull request that was merged into a configured branch", () => {
    const decision = decide(closed(), [shop], sent);
    expect(decision).to.include({ verdict: "build", sha, repository: shop, repositoryId: 1, about: exampleAbout });
    expect(decision.reason).to.equal("pull request #7 was merged into main");
    expect(decision.rules.map(({ rule, passed }) => [rule, passed])).to.deep.equal([
      ["event", true],
      ["action", true],
      ["merged", true],
      ["repository", true],
      ["forge", true],
      ["branch", true],
      ["draft", true],
      ["labels", true],
      ["skip directive", true],
    ]);
  });

  it("takes the repository's name in any case, as the forge does", () => {
    expect(decide(closed({}, { repository: "Acme/Shop" }), [shop], sent).verdict).to.equal("build");
  });

  it("builds a merge into a branch that a pattern allows", () => {
    expect(decide(closed({ baseRef: "release/1.2" }), [shop], sent).verdict).to.equal("build");
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
      const decision = decide(event, [shop], sent);
      expect(decision.verdict).to.equal("skip");
      expect(decision.reason).to.contain(reason);
      expect(decision.rules.at(-1)).to.include({ rule, passed: false });
    });
  }

  const directives = ["[skip ci]", "[CI Skip]", "[no ci]", "[Skip Mergedock]"];
  const filtered: {
    readonly what: string;
    readonly repository: Partial<Repository>;
    readonly change: Partial<PullRequest>;
    readonly refused: RuleVerdict;
    readonly reason: string;
  }[] = [
    {
      what: "a draft",
      repository: { drafts: false },
      change: { draft: true },
      refused: { rule: "draft", passed: false, saw: "draft: true" },
      reason: 'pull request #7 was merged as a draft, and acme/shop builds no drafts ("drafts: false")',
    },
    {
      what: "one without a label",
      repository: { labels: ["image"] },
      change: {},
      refused: { rule: "labels", passed: false, saw: "no labels" },
      reason: "pull request #7 has none of the labels that acme/shop asks for (image)",
    },
    {
      what: "one with other labels",
      repository: { labels: ["image", "ship"] },
      change: { labels: ["docs", "chore"] },
      refused: { rule: "labels", passed: false, saw: "docs, chore" },
      reason: "pull request #7 has none of the labels that acme/shop asks for (image, ship)",
    },
    {
      what: "one with a label that is left out",
      repository: { labels: ["image"], labelsIgnore: ["No-Image"] },
      change: { labels: ["image", "no-image"] },
      refused: { rule: "labels", passed: false, saw: "image, no-image" },
      reason: 'pull request #7 has the label No-Image, which acme/shop leaves out ("labels_ignore")',
    },
    {
      what: "one with a directive of the operator's own",
      repository: { skipDirectives: ["#NoImage"] },
      change: { body: "#noIMAGE" },
      refused: { rule: "skip directive", passed: false, saw: "#NoImage in the body" },
      reason: "pull request #7 says #NoImage in its body",
    },
    ...directives.map((directive) => ({
      what: `one with ${directive} in its title`,
      repository: {},
      change: { title: `Mend a word ${directive}` },
      refused: { rule: "skip directive", passed: false, saw: `${directive.toLowerCase()} in the title` },
      reason: `pull request #7 says ${directive.toLowerCase()} in its title`,
    })),
    ...directives.map((directive) => ({
      what: `one with ${directive} in its body`,
      repository: {},
      change: { body: `As said.\r\n\r\n${directive}` },
      refused: { rule: "skip directive", passed: false, saw: `${directive.toLowerCase()} in the body` },
      reason: `pull request #7 says ${directive.toLowerCase()} in its body`,
    })),
  ];
  for (const { what, repository, change, refused, reason } of filtered) {
    it(`skips ${what} where the repository says so, and leaves what it saw`, () => {
      const decision = decide(closed(change), [exampleRepository(repository)], sent);
      expect(decision).to.include({ verdict: "skip", reason });
      expect(decision.rules.at(-1)).to.deep.equal(refused);
      const unfiltered = decide(closed(change), [exampleRepository({ skipDirectives: [] })], sent);
      expect(unfiltered.verdict).to.equal("build");
    });
  }

  it("does not take a directive that a body only quotes for one", () => {
    const change = { body: "Release notes: chore(release): 1.2.3 [skip ci] (#4)" };
    expect(decide(closed(change), [exampleRepository()], sent).verdict).to.equal("build");
  });

  it("builds what no filter of the repository leaves out", () => {
    const filters = { drafts: false, labels: ["Image", "ship"], labelsIgnore: ["docs"], skipDirectives: [] };
    const change = { labels: ["image"], title: "Mend a word [skip ci]" };
    expect(decide(closed(change), [exampleRepository(filters)], sent).verdict).to.equal("build");
  });

  it("leaves the paths to be judged after the fetch, where the repository names some", () => {
    const paths = ["services/cart/**", "!**/*.md"];
    const { verdict, rules } = decide(closed(), [exampleRepository({ paths })], sent);
    expect(verdict).to.equal("build");
    const saw = "judged after the fetch: services/cart/**, !**/*.md";
    expect(rules.at(-1)).to.deep.equal({ rule: "paths", passed: true, saw });
  });

  const changed = { files: ["services/cart/a.ts"], total: 1 };

  it("judges the paths in their place as soon as the changed files are known", () => {
    const [build, none] = [decided(["services/**"]), decided(["docs/**"])];
    const passed = withChanged(build, changed);
    expect(passed).to.include({ verdict: "build", sha });
    expect(passed.rules.at(-1)).to.deep.equal({
      rule: "paths",
      passed: true,
      saw: "1 changed file: services/cart/a.ts",
    });
    const skip = withChanged(none, changed);
    expect(skip.verdict).to.equal("skip");
    expect(skip.reason).to.equal(
      "no changed file matches the paths docs/**; it was 1 changed file: services/cart/a.ts",
    );
    expect(withChanged(decided([]), changed)).to.deep.equal(decided([]));
  });

  it("does not judge paths by a part of the files, unless a file of that part matches", () => {
    const part = { ...changed, total: 5_000 };
    expect(withChanged(decided(["docs/**"]), part)).to.deep.equal(decided(["docs/**"]));
    expect(withChanged(decided(["services/**"]), part).rules.at(-1)?.saw).to.match(/^5000 changed files: services/);
  });

  it("puts the verdict on paths where it was announced, or before what the ledger says", () => {
    const [rule, ledger] = [
      { rule: "paths", passed: false, saw: "1 changed file: a" },
      { rule: "already built", passed: true, saw: "no build of this merge" },
    ] as const;
    const announced = withLedger(decided(["x"]), null).rules;
    const expected = [...decided([]).rules, rule, ledger];
    expect(withLateRule(announced, rule)).to.deep.equal(expected);
    expect(withLateRule(expected, rule)).to.deep.equal(expected);
    expect(withLateRule(withLedger(decided([]), null).rules, rule)).to.deep.equal(expected);
    expect(withLateRule(decided([]).rules, rule)).to.deep.equal([...decided([]).rules, rule]);
  });

  function decided(paths: readonly string[]): BuildDecision {
    const decision = decide(closed(), [exampleRepository({ paths })], sent);
    if (decision.verdict === "skip") throw new Error(decision.reason);
    return decision;
  }

  it("skips other events, and a ping with a friendly word", () => {
    const push = decide({ kind: "other", repository: "acme/shop", action: null }, [shop], { ...sent, name: "push" });
    expect(push).to.include({ verdict: "skip", reason: "event push builds nothing; only pull_request does" });
    const ping = decide({ kind: "ping", repository: "acme/shop", action: null }, [shop], { ...sent, name: "ping" });
    expect(ping.reason).to.equal("ping: the hook is set up");
  });
});
