// How a build is shown while it runs: its steps out of its log, as lines and as a picture.

import { expect } from "chai";
import type { LogEntry } from "../../ci-server/cli/follow-log.ts";
import { createDisplay } from "../../ci-server/cli/progress/display.ts";
import { toFrame } from "../../ci-server/cli/progress/frame.ts";
import { toPlainLine } from "../../ci-server/cli/progress/plain.ts";
import { Redraw } from "../../ci-server/cli/progress/redraw.ts";
import { ProgressSteps } from "../../ci-server/cli/progress/steps.ts";
import { buildView } from "../../ci-server/cli/views.ts";
import { keptTerminal } from "../helpers/fake-terminal.ts";

const begunMs = Date.parse("2026-11-21T12:00:00.000Z");
const plainly = { hasColours: false };

function entry(ms: number, stage: LogEntry["stage"], text: string, more: Partial<LogEntry> = {}): LogEntry {
  const at = new Date(begunMs + ms).toISOString();
  return {
    seq: ms + 1,
    at,
    stage,
    service: null,
    step: null,
    stream: null,
    text,
    raw: JSON.stringify({ text }),
    ...more,
  };
}

const log = [
  entry(0, "fetch", "fetching main"),
  entry(500, "plan", "shop: acme/shop"),
  entry(600, "build", "#1 [1/3] COPY . .", { service: "shop", step: 1 }),
  entry(601, "build", "#1 CACHED", { service: "shop", step: 1 }),
  entry(602, "build", "#2 [2/3] RUN npm ci", { service: "shop", step: 2 }),
  entry(914, "build", "#2 added 3 packages", { service: "shop", step: 2, stream: "stdout" }),
  entry(915, "build", "#2 DONE 9.9s", { service: "shop", step: 2, stream: "stdout" }),
  entry(1802, "build", "#2 DONE 1.2s", { service: "shop", step: 2 }),
  entry(1803, "build", "#3 [3/3] RUN false", { service: "shop", step: 3 }),
  entry(1900, "build", "#3 ERROR exit code: 1", { service: "shop", step: 3 }),
];

function shown(lines: readonly LogEntry[], hasSeveral = false): string[] {
  const steps = new ProgressSteps(() => hasSeveral);
  return lines.flatMap((line) => steps.read(line)).map((event) => toPlainLine(event, plainly).trimEnd());
}

describe("a build as lines", () => {
  it("has docker buildx's form: name, output with its time, DONE, CACHED, ERROR", () => {
    expect(shown(log)).to.deep.equal([
      ...["#1 [fetch]", "#1 0.000 fetching main", "#1 DONE 0.5s"],
      ...["#2 [plan]", "#2 0.000 shop: acme/shop", "#2 DONE 0.1s"],
      ...["#3 [1/3] COPY . .", "#3 CACHED"],
      ...["#4 [2/3] RUN npm ci", "#4 0.312 added 3 packages", "#4 0.313 DONE 9.9s", "#4 DONE 1.2s"],
      ...["#5 [3/3] RUN false", "#5 ERROR exit code: 1"],
    ]);
  });

  it("tells the steps of several images apart", () => {
    const two = [
      entry(0, "build", "#1 [1/2] COPY . .", { service: "cart", step: 1 }),
      entry(1, "build", "#1 [1/2] COPY . .", { service: "till", step: 1 }),
      entry(2, "build", "#1 CACHED", { service: "till", step: 1 }),
    ];
    expect(shown(two, true)).to.deep.equal(["#1 [cart 1/2] COPY . .", "#2 [till 1/2] COPY . .", "#2 CACHED"]);
  });

  it("says of another attempt that it begins again", () => {
    const again = shown([...log.slice(0, 5), entry(9000, "fetch", "fetching main")]);
    expect(again).to.include("#4 ERROR given up: the build begins again");
    expect(again.slice(-2)).to.deep.equal(["#5 [fetch]", "#5 0.000 fetching main"]);
  });

  it("shows no colour without a terminal, and no control ever", () => {
    const line = entry(1, "build", "#1 \u001b[31mred\u001b[2J\u0007", { service: "shop", step: 1, stream: "stdout" });
    const steps = new ProgressSteps(() => false);
    steps.read(entry(0, "build", "#1 [1/1] RUN x", { service: "shop", step: 1 }));
    const [event] = steps.read(line);
    if (event === undefined) throw new Error("the line is an event");
    expect(toPlainLine(event, plainly)).to.equal("#1 0.001 red\n");
    expect(toPlainLine(event, { hasColours: true })).to.equal("#1 0.001 \u001b[31mred\u001b[0m\n");
  });
});

describe("a build as a picture", () => {
  const steps = new ProgressSteps(() => false);
  for (const line of log.slice(0, 6)) steps.read(line);
  const request = {
    ...{ steps: steps.list, tails: new Map([[4, ["added 3 packages"]]]), result: null, title: "" },
    ...{ elapsedMs: 1200, nowMs: begunMs + 1200, columns: 50, rows: 24, hasColours: false },
  };

  it("has a line for each step, the time, and what the running one prints", () => {
    expect(toFrame(request)).to.deep.equal([
      "[+] Building 1.2s (3/4)",
      " => [fetch]                                  0.5s",
      " => [plan]                                   0.1s",
      " => CACHED [1/3] COPY . .                    0.0s",
      " => [2/3] RUN npm ci                         0.6s",
      " => => # added 3 packages",
    ]);
  });

  it("fits the terminal in both directions", () => {
    const frame = toFrame({ ...request, columns: 20, rows: 5 });
    expect(frame).to.have.length(4);
    for (const line of frame) expect(line.length, line).to.be.at.most(19);
    expect(frame.at(-2)).to.contain("[2/3]");
  });

  it("stays whole at its end", () => {
    const frame = toFrame({ ...request, rows: 3, result: "success" });
    expect(frame[0]).to.equal("[+] Building 1.2s (3/4) FINISHED");
    expect(frame).to.have.length(6);
  });

  it("is drawn over the one before it, and gives the cursor back", () => {
    const terminal = keptTerminal({ isTTY: true });
    const screen = new Redraw(terminal);
    screen.draw(["a", "b"]);
    screen.draw(["c"]);
    screen.end();
    expect(terminal.text()).to.equal(
      "\u001b[?25la\u001b[K\nb\u001b[K\n\u001b[J\u001b[2A\rc\u001b[K\n\u001b[J\u001b[?25h",
    );
  });
});

describe("the display", () => {
  const view = buildView.parse({
    ...{ id: 7, repository: "acme/shop", trigger: "manual", createdAt: new Date(begunMs).toISOString(), result: null },
  });
  const failed = {
    ...view,
    result: "failure" as const,
    failure: {
      ...{ kind: "step", message: "exit code: 1", service: "shop", hint: "mend it", lastLines: ["bad\u001b[2J news"] },
      step: { name: "[3/3] RUN false", number: 3, dockerfileLine: 4, exitCode: 1 },
    },
  };

  function display(kind: "auto" | "quiet" | "rawjson" | "tty", size: object = {}) {
    const [terminal, data] = [keptTerminal(size), keptTerminal()];
    const made = createDisplay({ kind, terminal, data, now: () => begunMs + 2000 });
    made.found(view, { id: 7 });
    for (const line of log) made.line(line);
    made.ended(failed, { id: 7, result: "failure" });
    made.stop();
    return { shown: terminal.text(), data: data.text() };
  }

  it("is lines where no terminal is, and redraws where one is", () => {
    expect(display("auto").shown).to.contain("#4 DONE 1.2s\n").and.not.contain("\u001b");
    const { shown } = display("auto", { isTTY: true, columns: 60, rows: 30 });
    expect(shown).to.contain("[+] Building 1.9s (5/5) FAILURE").and.not.contain("#4 DONE");
  });

  it("ends on a terminal with the step that failed, its place, its last lines and what to do", () => {
    const { shown } = display("tty", { isTTY: true, columns: 60, rows: 30 });
    const esc = "\u001b";
    const text = shown.replaceAll(new RegExp(`${esc}\\[[?\\d;]*[A-Za-z]`, "g"), "");
    expect(text).to.contain(
      "------\n > [3/3] RUN false of shop:\nbad news\n------\nDockerfile:4\nERROR (step): exit code: 1\nnext: mend it\n",
    );
  });

  it("says nothing when it is quiet, and JSON lines when a program reads", () => {
    expect(display("quiet")).to.deep.equal({ shown: "", data: "" });
    const { shown, data } = display("rawjson");
    expect(shown).to.equal("");
    const lines = data.trimEnd().split("\n");
    expect(lines[0]).to.equal('{"build":{"id":7}}');
    expect(lines.slice(1, -1)).to.deep.equal(log.map(({ raw }) => raw));
    expect(lines.at(-1)).to.equal('{"build":{"id":7,"result":"failure"}}');
  });
});
