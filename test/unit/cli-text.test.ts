// What the command line does to text: controls out, widths, tables, ages, sizes, colours, exit codes.

import { expect } from "chai";
import { exitCodeOfError, exitCodeOfResult } from "../../ci-server/cli/exit-codes.ts";
import { explainText } from "../../ci-server/cli/explain-text.ts";
import { toTable } from "../../ci-server/cli/table.ts";
import { paint } from "../../ci-server/cli/terminal.ts";
import { cut, logText, plain, widthOf } from "../../ci-server/cli/text.ts";
import { toAge, toDuration, toSize } from "../../ci-server/cli/units.ts";
import { buildView, stateOf } from "../../ci-server/cli/views.ts";
import { errorCodes } from "../../ci-server/core/errors.ts";
import { keptTerminal } from "../helpers/fake-terminal.ts";

describe("text for a terminal", () => {
  it("loses control characters, colours and turned directions, and stays one line", () => {
    expect(plain("a\u001b]0;title\u0007\u001b[31mred\u001b[0m\nb\tc\u202ed\u0000\u009b2J")).to.equal("ared b cd");
    expect(plain("\u001b]8;;javascript:alert(1)\u001b\\x\u001b]8;;\u001b\\")).to.equal("x");
    expect(plain("50%\r\n100%")).to.equal("50% 100%");
  });

  it("keeps the colours of a log where colours may be, and nothing else", () => {
    const line = "\u001b[31mred\u001b[0m \u001b[2Jcleared";
    expect(logText(line, true)).to.equal("\u001b[31mred\u001b[0m cleared");
    expect(logText(line, false)).to.equal("red cleared");
  });

  it("knows how wide it is, and cuts it there", () => {
    expect([widthOf("abc"), widthOf("日本"), widthOf("e\u0301"), widthOf("👩‍👩‍👧")]).to.deep.equal([3, 4, 1, 2]);
    expect([cut("abcdef", 4), cut("日本語", 4), cut("abc", 3), cut("abc", 0)]).to.deep.equal([
      "abc…",
      "日…",
      "abc",
      "",
    ]);
  });
});

describe("a build's state", () => {
  it("is its result, or that it runs and in which stage, or that it waits", () => {
    const state = (result: string | null, stage: string | null) =>
      stateOf(buildView.parse({ id: 7, repository: "acme/shop", trigger: "manual", createdAt: "", result, stage }));
    expect(state(null, "build")).to.equal("running (build)");
    expect([state("failure", "build"), state(null, null), state(null, "queued")]).to.deep.equal([
      ...["failure", "queued", "queued"],
    ]);
  });
});

describe("the story of a build", () => {
  it("says what its forge was told, and what it could not be told", () => {
    const told = { kind: "comment", state: "told", url: "https://forge.test/pull/7#issuecomment-1" };
    const refused = { kind: "status", state: "failed", problem: "403 \u001b[2Jforbidden" };
    const build = { id: 7, repository: "acme/shop", trigger: "manual", createdAt: "", result: "success", stage: null };
    const story = explainText({
      ...{ delivery: null, build: buildView.parse({ ...build, reports: [told, refused] }), others: [], nowMs: 0 },
      look: { hasColours: false },
    });
    expect(story).to.contain(
      "told\n  told comment: https://forge.test/pull/7#issuecomment-1\n  failed status: 403 forbidden\n",
    );
  });
});

describe("a table", () => {
  const columns = [
    { title: "ID", value: ({ id }: { id: number }) => String(id) },
    { title: "TITLE", value: ({ title }: { title: string }) => title, shrinksTo: 6 },
    { title: "NAME", value: () => "acme/shop", shrinksTo: 6 },
  ];
  const rows = [
    { id: 1, title: "Fix the cart and all that is in it" },
    { id: 12, title: "日本語のタイトル" },
  ];

  it("fits the terminal, whatever it holds", () => {
    for (const width of [20, 24, 30, 80]) {
      const lines = toTable(rows, columns, width).trimEnd().split("\n");
      expect(lines).to.have.length(3);
      for (const line of lines) expect(widthOf(line), line).to.be.at.most(width);
    }
    expect(toTable(rows, columns, 32)).to.match(/^1 {3}Fix the cart and…/m);
  });

  it("leaves out what can be spared before it cuts what cannot", () => {
    const spared = columns.map((column) => (column.title === "NAME" ? { ...column, spare: true as const } : column));
    expect(toTable(rows, spared, 16))
      .to.match(/^ID {2}TITLE\n1 {3}Fix the c/)
      .and.not.contain("NAME");
  });

  it("is not cut where nobody reads it on a terminal", () => {
    expect(toTable(rows, columns, Number.POSITIVE_INFINITY)).to.contain(
      "Fix the cart and all that is in it  acme/shop\n",
    );
  });

  it("has a line for each row, whatever a stranger wrote into it", () => {
    const lines = toTable([{ id: 1, title: "a\nb\u001b[2Jc" }], columns, 80).split("\n");
    expect(lines[1]).to.equal("1   a bc   acme/shop");
    expect(lines).to.have.length(3);
  });
});

describe("times and sizes", () => {
  it("are said as people say them", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    const ago = (seconds: number) => toAge(new Date(now - seconds * 1000).toISOString(), now);
    expect([-3, 0, 5, 65, 3700, 50 * 3600, 400 * 86_400].map(ago)).to.deep.equal([
      ...["now", "now", "5 s ago", "1 min ago", "1 h ago", "2 days ago", "2025-10-17"],
    ]);
    expect([120, 59_900, 185_000, 7_380_000].map(toDuration)).to.deep.equal(["0.1s", "59.9s", "3m 05s", "2h 03m"]);
    expect([0, 512, 1536, 5 * 1024 ** 3].map(toSize)).to.deep.equal(["0 bytes", "512 bytes", "1.5 KiB", "5.0 GiB"]);
  });
});

describe("colours", () => {
  it("are for terminals that want them", () => {
    const red = (size: object, env: Record<string, string> = {}) => paint(keptTerminal(size, env), "red", "x");
    expect(red({ isTTY: true })).to.equal("\u001b[31mx\u001b[0m");
    for (const plainly of [red({}), red({ isTTY: true }, { NO_COLOR: "1" }), red({ isTTY: true }, { TERM: "dumb" })])
      expect(plainly).to.equal("x");
    expect(red({ isTTY: true }, { NO_COLOR: "" })).to.contain("\u001b");
  });
});

describe("exit codes", () => {
  it("tell a build that failed from trouble of ours, and from time", () => {
    const results = ["success", "skip", "failure", "cancellation", "error", "timeout"] as const;
    expect(results.map(exitCodeOfResult)).to.deep.equal([0, 0, 1, 1, 3, 124]);
  });

  it("tell what was typed wrongly from a server that cannot", () => {
    const usage = errorCodes.filter((code) => exitCodeOfError(code) === 2);
    expect(usage).to.have.members(["invalid", "not_found", "conflict", "too_large", "unsupported"]);
    expect([exitCodeOfError("unavailable"), exitCodeOfError("unauthorized"), exitCodeOfError("timeout")]).to.deep.equal(
      [3, 3, 124],
    );
  });
});
