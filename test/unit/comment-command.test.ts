// Which comments are commands, and that what the server answers holds nothing of what others wrote but as code.

import { expect } from "chai";
import fc from "fast-check";
import { explainText, helpText, notBuiltText, unknownText, withMark } from "../../ci-server/core/command-answer.ts";
import { readCommand } from "../../ci-server/core/comment-command.ts";
import { decide } from "../../ci-server/core/decide.ts";
import type { CommentEvent } from "../../ci-server/core/delivery.ts";
import { code, codeBlock } from "../../ci-server/core/markdown.ts";
import { exampleBuild } from "../helpers/example-build.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const rebuild = { name: "rebuild", service: null, noCache: false };
/** What people put around a command, and what looks like one. */
const pieces = fc.constantFrom(
  "/mergedock",
  "/mergedock rebuild",
  "\n",
  "\r\n",
  " ",
  "```",
  "~~~~",
  "> ",
  "<!--",
  "-->",
  "@ada",
  "`",
  "#7",
);
const comments = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 12 }).map((all) => all.join("")),
);

describe("a command in a comment", () => {
  for (const [body, command] of [
    ["/mergedock rebuild", rebuild],
    ["Thanks!\r\n\r\n/mergedock  REBUILD \r\nbye", rebuild],
    ["/mergedock rebuild cart --no-cache", { ...rebuild, service: "cart", noCache: true }],
    ["/mergedock rebuild --no-cache cart", { ...rebuild, service: "cart", noCache: true }],
    ["/mergedock explain\n/mergedock rebuild", { name: "explain" }],
    ["/mergedock", { name: "help" }],
    ["/mergedock help", { name: "help" }],
    ["> /mergedock explain\n\n/mergedock rebuild", rebuild],
    ["```\n/mergedock explain\n```\n/mergedock rebuild", rebuild],
    ["```sh\n~~~\n``\n/mergedock explain\n````\n/mergedock rebuild", rebuild],
    ["<!-- a template\n/mergedock explain\n-->\n/mergedock rebuild", rebuild],
  ] as const) {
    it(`is found in ${JSON.stringify(body)}`, () => {
      expect(readCommand(body)).to.deep.equal(command);
    });
  }

  for (const body of [
    "",
    "please /mergedock rebuild",
    " /mergedock rebuild",
    "    /mergedock rebuild",
    "> /mergedock rebuild",
    "`/mergedock rebuild`",
    "- /mergedock rebuild",
    "/mergedockrebuild",
    "/mergedock-rebuild",
    "```\n/mergedock rebuild",
    "~~~\n/mergedock rebuild\n```\n/mergedock rebuild",
    "   ````\n/mergedock rebuild\n```\n/mergedock rebuild",
    "<!--\n/mergedock rebuild\n-->",
    "<!-- mergedock answer 7 -->\n/mergedock rebuild",
  ]) {
    it(`is not in ${JSON.stringify(body)}`, () => {
      expect(readCommand(body)).to.equal(null);
    });
  }

  for (const [body, says] of [
    ["/mergedock rebiuld", '"rebiuld" is no command; did you mean "rebuild"? There are: rebuild, explain, help'],
    ["/mergedock rebuild --nocache", 'did you mean "--no-cache"?'],
    ["/mergedock rebuild cart shop", "rebuild takes one service, or none for all of them"],
    ["/mergedock rebuild ../etc", '"../etc" cannot be a service'],
    ["/mergedock explain cart", "explain takes nothing more"],
  ] as const) {
    it(`says what is wrong with ${JSON.stringify(body)}`, () => {
      const command = readCommand(body);
      expect(command?.name).to.equal("unknown");
      expect(command?.name === "unknown" ? command.problem : "").to.contain(says);
    });
  }

  it("is in no comment without a line that begins with /mergedock, and never in one of the server's own", () => {
    let found = 0;
    fc.assert(
      fc.property(comments, (body) => {
        const command = readCommand(body);
        if (command !== null) found += 1;
        if (!/^\/mergedock(?:\s|$)/m.test(body)) expect(command).to.equal(null);
        expect(readCommand(withMark({ commentId: "1" }, body))).to.equal(null);
      }),
      { numRuns: 2_000 },
    );
    expect(found).to.be.greaterThan(0);
  });
});

describe("an answer to a command", () => {
  const answers = (text: string) => [
    unknownText(text),
    notBuiltText(text),
    explainText(
      {
        entry: { verdict: "skip", reason: text, rules: [{ rule: "branch", passed: false, saw: text }] },
        build: exampleBuild({
          result: "failure",
          skipReason: text,
          plan: [{ service: "shop", verdict: "skip", reason: text }],
        }),
      },
      null,
    ),
  ];

  it("is no command, whatever it quotes, also without its mark", () => {
    fc.assert(
      fc.property(comments, (text) => {
        for (const answer of [...answers(text), helpText()]) expect(readCommand(answer)).to.equal(null);
      }),
      { numRuns: 1_000 },
    );
  });

  it("calls nobody and links nothing that somebody else wrote", () => {
    const hostile = "@ada see #7 <img src=x> [a](http://x) `` ``` \n\n# big\n/mergedock rebuild \u202e";
    for (const answer of answers(hostile)) {
      const spoken = answer.replaceAll(/(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)/gs, "");
      expect(spoken).to.not.match(/@ada|#7|<img|http|# big|\u202e/);
    }
  });

  it("closes its code by no text", () => {
    fc.assert(
      fc.property(comments, (text) => {
        const [open = ""] = /^`*/.exec(code(text)) ?? [];
        if (open !== "") expect(code(text).split(new RegExp(`(?<!\`)${open}(?!\`)`))).to.have.length(3);
        const [fence = "", ...lines] = codeBlock([text], 1_000).split("\n");
        const ticks = fence.replace("text", "");
        expect(lines.filter((line) => line.includes(ticks))).to.deep.equal([ticks]);
      }),
    );
  });
});

describe("a comment", () => {
  const shop = exampleRepository({ commands: true });
  const said: CommentEvent = {
    ...{ kind: "comment", action: "created", repository: "acme/shop", repositoryId: 5, number: 42, isMerged: true },
    ...{ commentId: "9", commentedAt: new Date(0), author: "octocat", isBot: false, body: "/mergedock rebuild" },
  };
  const decideOn = (change: Partial<CommentEvent>, repository = shop) =>
    decide({ ...said, ...change }, [repository], { forge: "github", name: "issue_comment" });

  it("that is a command is taken up, and builds nothing by itself", () => {
    for (const isMerged of [true, null]) {
      const decision = decideOn({ isMerged, repository: "Acme/Shop" });
      expect(decision).to.include({
        verdict: "skip",
        reason: "comment command rebuild by octocat on #42: taken up, once, if octocat may write",
      });
      expect(decision)
        .to.have.property("command")
        .that.includes({ repository: "acme/shop", pullRequest: 42, commentId: "9" });
      expect(decision.rules.every(({ passed }) => passed)).to.equal(true);
    }
  });

  for (const [what, change, repository, reason] of [
    ["holds no command", { body: "LGTM" }, shop, "the comment on #42 is no command"],
    ["is a bot's", { author: "dependabot[bot]", isBot: true }, shop, "bots are not obeyed"],
    ["is of another repository", { repository: "acme/other" }, shop, "acme/other is not configured"],
    ["is of a repository that obeys none", {}, exampleRepository(), '"commands: true" in mergedock.yml lets it'],
    ["is on what is not merged", { isMerged: false }, shop, "it is not merged"],
  ] as const) {
    it(`that ${what} is not, and says so`, () => {
      const decision = decideOn(change, repository);
      expect(decision.reason).to.contain(reason);
      expect(decision).to.not.have.property("command");
      expect(decision.rules.at(-1)?.passed).to.equal(false);
    });
  }
});
