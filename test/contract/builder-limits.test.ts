// What docs/engine.md says of limits: those of the engine's control group hold for every step, and are told as such.

import { expect } from "chai";
import { AppError } from "../../ci-server/core/errors.ts";
import { explainFailure } from "../../ci-server/core/explain-failure.ts";
import { builderContract } from "../helpers/builder-bench.ts";
import { type GroupLimits, withGroupLimits } from "../helpers/engine-cgroup.ts";

const MiB = 1024 ** 2;
// Not without end, in case that the limit does not hold.
const bomb = 'i=0; while [ "$i" -lt 300 ]; do sleep 3605 & i=$((i+1)); done; echo all were started; exit 5';
const glutton = "head -c 300m /dev/zero | tail -c 300m > /dev/null || exit 1; echo all was had";

builderContract("Builder and the engine's control group", (bench) => {
  const table: [what: string, limits: GroupLimits, script: string, words: string, hint: string][] = [
    ["starts processes without end", { processes: 60 }, bomb, "can't fork", "pids.max"],
    ["takes more memory than there is", { memoryBytes: 64 * MiB }, glutton, "Killed", "memory.max"],
  ];
  for (const [what, limits, script, words, hint] of table) {
    it(`T21: ends a step that ${what}, and says which limit it was`, async () => {
      await bench.putDockerfile(`RUN echo ${Math.random()}; ${script}`);
      const error = await withGroupLimits(limits, () => bench.build()).then(
        () => new Error("it did not fail"),
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(AppError);
      const lastLines = bench.written
        .filter(({ stream }) => stream != null)
        .map(({ text }) => text.replace(/^#\d+ /, ""));
      const failure = explainFailure(error as AppError, { stage: "build", lastLines: lastLines.slice(-20) }); // seen above
      expect(failure, bench.lines.join("\n")).to.include({ code: "build_failed", kind: "limit" });
      expect(failure.hint).to.contain(hint).and.contain("docs/engine.md");
      expect(bench.lines.join("\n"))
        .to.contain(words)
        .and.to.not.match(/^#\d+ all w/m);
    });
  }
});
