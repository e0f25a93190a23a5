// What ends or cuts a build that takes too much: its time and its log.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { processes } from "../helpers/processes.ts";
import { Tester } from "../helpers/tester.ts";

const logBytesMax = 64 * 1024;

describe("a build that takes too much", function () {
  this.timeout(60_000);
  let ci: Tester;
  before(async () => {
    ci = await Tester.start({ limits: { build_seconds_max: 5, log_bytes_max: logBytesMax } });
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  /** A step that runs this; another one each time, so that it does not come from the cache of an earlier run. */
  function dockerfile(command: string): string {
    const run = ["/bin/busybox", "sh", "-c", `echo ${randomUUID()} && ${command}`];
    return `FROM scratch\nCOPY busybox /bin/busybox\nRUN ${JSON.stringify(run)}\nCMD ["/bin/busybox"]\n`;
  }

  it("T21: ends with timeout when it runs too long, on the engine too", async () => {
    const { verdict } = await ci.merge({ files: { Dockerfile: dockerfile("exec /bin/busybox sleep 3601") } });
    const build = await ci.finished(verdict.build);
    const message = "the build took longer than 5 s (limits.build_seconds_max)";
    expect(build, build.log).to.include({ result: "timeout" });
    expect(build.failure).to.deep.include({ code: "timeout", kind: "timeout", message });
    expect(build.stages.at(-1)).to.include({ name: "build", result: "timeout" });
    expect(build.log).to.contain(`timeout: ${message}`);
    expect(await sleepersAfter(2_000)).to.deep.equal([]);
  });

  it("T21: ends with timeout when a step says nothing for too long, on the engine too", async () => {
    const impatient = await Tester.start({ limits: { build_silence_seconds_max: 2 } });
    try {
      const { verdict } = await impatient.merge({ files: { Dockerfile: dockerfile("exec /bin/busybox sleep 3601") } });
      const build = await impatient.finished(verdict.build);
      const message = "the engine said nothing for 2 s";
      expect(build, build.log).to.include({ result: "timeout" });
      expect(build.failure).to.include({ code: "timeout", kind: "timeout", message });
      expect(await sleepersAfter(2_000)).to.deep.equal([]);
    } finally {
      await impatient.stop();
    }
  });

  it("T25: keeps as much of a long log as it may, says where it was cut, and succeeds", async () => {
    const flood = "/bin/busybox seq 1000000 1050000";
    const { verdict } = await ci.merge({ files: { Dockerfile: dockerfile(flood) } });
    const build = await ci.finished(verdict.build);
    expect(build.result, build.log).to.equal("success");
    const lines = build.log.trimEnd().split("\n");
    const cut = lines.findIndex((line) => line.includes(`… the log is cut here (limit: ${logBytesMax} bytes`));
    expect(lines[cut + 1]).to.match(/… \d+ lines \(\d+ bytes\) were left out here …$/);
    // Without the names of the stages, which the answer adds.
    const bytesOf = (some: string[]) =>
      some.reduce((sum, line) => sum + Buffer.byteLength(line) + 1 - "build  ".length, 0);
    expect(bytesOf(lines.slice(0, cut))).to.be.within(logBytesMax * 0.7, logBytesMax);
    expect(bytesOf(lines)).to.be.at.most(logBytesMax);
    expect(lines.length - cut).to.be.within(50, 210);
    expect(build.images[0]?.digest).to.match(/^sha256:/);
  });
});

/** Those that still run after this time, or none as soon as there is none. */
async function sleepersAfter(ms: number): Promise<readonly object[]> {
  const sleepers = async () => (await processes()).filter(({ command }) => command.endsWith("sleep 3601"));
  const deadline = performance.now() + ms;
  while ((await sleepers()).length > 0 && performance.now() < deadline);
  return sleepers();
}
