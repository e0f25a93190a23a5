// What docs/engine.md says of limits: those of the engine's control group hold for every step.

import { expect } from "chai";
import { builderContract } from "../helpers/builder-bench.ts";
import { withPidsMax } from "../helpers/engine-cgroup.ts";
import { fails } from "../helpers/failure.ts";

builderContract("Builder and the engine's control group", (bench) => {
  it("T21: holds a step that starts processes without end to as many as the group may have", async () => {
    // Not without end, in case that the limit does not hold.
    const start = 'i=0; while [ "$i" -lt 300 ]; do sleep 3605 & i=$((i+1)); done; echo all were started; exit 5';
    await bench.putDockerfile(`RUN echo ${Math.random()}; ${start}`);
    await withPidsMax(60, () => fails(bench.build(), "build_failed", "exit code: 2"));
    expect(bench.lines.join("\n")).to.contain("can't fork").and.not.to.contain("\nall were started");
  });
});
