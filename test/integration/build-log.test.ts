// What of a log is kept in the database, whatever a build writes and however many attempts it takes.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import type { LogLine } from "../../ci-server/core/build.ts";
import type { LogSize } from "../../ci-server/core/log-budget.ts";
import type { LineOrigin } from "../../ci-server/core/ports.ts";
import { BuildLog } from "../../ci-server/flows/build-log.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { isSafe } from "../helpers/safe-text.ts";

const ofStep: LineOrigin = { service: "shop", step: 4, stream: "stdout" };

describe("the stored log", function () {
  this.timeout(60_000);
  let folder: string;
  let opened: OpenPostgres;
  let id: number;
  let attempt: number;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "build-log-"));
    opened = await openPostgres(examplePostgres(folder, { limits: { perRepositoryMax: 10_000, inAllMax: 10_000 } }));
  });
  beforeEach(newBuild);
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function newBuild(): Promise<void> {
    const rest = { sha: null, ref: "main", service: null, version: "1", pullRequest: null, deliveryGuid: null };
    id = await opened.store.request({ repository: "acme/shop", trigger: "manual", ...rest }, null);
    attempt = 0;
  }

  async function begin(limit: LogSize): Promise<BuildLog> {
    await opened.store.begin(id);
    attempt += 1;
    const stored = await opened.store.logSize(id);
    return new BuildLog({ store: opened.store, clock: systemClock, at: { buildId: id, attempt }, limit, stored });
  }

  async function stored(): Promise<LogLine[]> {
    const lines: LogLine[] = [];
    for (;;) {
      const more = await opened.store.readLog(id, lines.length);
      if (more.length === 0) return lines;
      lines.push(...more);
    }
  }

  it("T33: holds no control character but tab and colours, no half characters, and no line ends, whatever is written", async () => {
    const unit = fc.constantFrom(
      ..."\u001b\u001b\u009b[]();m0123KHJ\\\u0007\u009c\r\n\t\u0000\u0085ab#4 \u202e\u2028\ud83d",
    );
    const text = fc.oneof(fc.string({ unit, maxLength: 80 }), fc.string({ unit: "binary" }));
    const writes = fc.array(fc.tuple(text, fc.boolean()), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(writes, async (all) => {
        await newBuild();
        const log = await begin({ lines: 1_000, bytes: 1_000_000 });
        for (const [written, isOfStep] of all) log.write("build", written, isOfStep ? ofStep : undefined);
        await log.close();
        const lines = await stored();
        expect(lines.every((line) => isSafe(line.text))).to.equal(true);
        const written = all.reduce((sum, [part]) => sum + part.split("\n").length, 0);
        expect(lines.map(({ seq }) => seq)).to.deep.equal(Array.from({ length: written }, (_none, index) => index + 1));
      }),
      { numRuns: 100 },
    );
  });

  it("T25: is within its limits over all attempts, and has the beginning of the first and the end of each", async () => {
    const limit = { lines: 2_000, bytes: 64 * 1024 };
    for (let turn = 1; turn <= 4; turn += 1) {
      const log = await begin(limit);
      for (let index = 1; index <= 20_000; index += 1) log.write("build", `${turn}: line ${index}`, ofStep);
      await log.close();
      const size = await opened.store.logSize(id);
      expect(size.bytes).to.be.at.most(limit.bytes);
      expect(size.lines).to.be.at.most(limit.lines);
    }
    const texts = (await stored()).map(({ text }) => text);
    expect(texts.slice(0, 1_000)).to.deep.equal(
      Array.from({ length: 1_000 }, (_none, index) => `1: line ${index + 1}`),
    );
    for (const turn of [1, 2, 3, 4]) expect(texts).to.include(`${turn}: line 20000`);
    const left = texts.flatMap((text) => /^… (\d+) lines \((\d+) bytes\) were left out here …$/.exec(text)?.[1] ?? []);
    expect(left).to.have.length(4);
    // What is there of the first attempt and what is told to be missing are all that it wrote.
    expect(texts.filter((text) => text.startsWith("1: ")).length + Number(left[0])).to.equal(20_000);
  });

  it("has all lines in their order where only a few are above the limit", async () => {
    const log = await begin({ lines: 100, bytes: 1_000_000 });
    for (let index = 1; index <= 82; index += 1) log.write("build", `line ${index}`);
    await log.close();
    const lines = await stored();
    const texts = lines.map(({ text }) => text).filter((text) => !text.startsWith("…"));
    expect(texts).to.deep.equal(Array.from({ length: 82 }, (_none, index) => `line ${index + 1}`));
    expect(lines.map(({ text }) => text)[75]).to.match(/^… the log is cut here/);
    expect(lines).to.have.length(83);
  });

  it("cuts a line that is too long, and no colour or secret in the middle", async () => {
    const log = await begin({ lines: 100, bytes: 1_000_000 });
    log.hide(["a secret that is long enough"]);
    const before = "x".repeat(16_384 - 10);
    log.write("build", `${before}a secret that is long enough\u001b[31mred`);
    log.write("build", `${"x".repeat(16_384 - 3)}\u001b[31mred`);
    await log.close();
    const [first, second] = await stored();
    const cut = " … the rest of this line is left out";
    expect(first?.text).to.equal(`${before}***\u001b[31mre\u001b[0m${cut}`);
    expect(second?.text).to.equal("x".repeat(16_384 - 3) + cut);
    expect(isSafe(first?.text ?? "") && isSafe(second?.text ?? "")).to.equal(true);
  });

  it("keeps the last lines of each step apart, without the step's number and without secrets", async () => {
    const log = await begin({ lines: 40, bytes: 10_000 });
    log.hide(["hunter22"]);
    for (let index = 1; index <= 500; index += 1) {
      for (const step of [1, 2]) {
        const origin = { service: "shop", step, stream: index % 2 === 0 ? "stdout" : "stderr" } as const;
        log.write("build", `#${step} step ${step} says ${index} hunter22`, origin);
        log.write("build", `#${step} of the other image`, { ...origin, service: "cart" });
      }
    }
    log.write("build", "#1 ERROR exit code: 1", { service: "shop", step: 1 });
    const expected = Array.from({ length: 20 }, (_none, index) => `step 1 says ${481 + index} ***`);
    expect(log.lastLines("shop", 1)).to.deep.equal(expected);
    expect(log.lastLines("cart", 2).at(-1)).to.equal("of the other image");
    expect(log.lastLines("shop", 3)).to.deep.equal([]);
    await log.close();
  });
});
