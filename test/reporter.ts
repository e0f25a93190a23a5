// Mocha's spec report, which leaves the counts of the run for run.ts to add up.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Mocha from "mocha";
import { runFolder } from "./helpers/folders.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const countsFile = "counts.json";

/** A run in which nothing passed has failed: a wrong --grep or only pending tests must not look like success. */
export default class Reporter extends Mocha.reporters.Spec {
  override done(failures: number, finish?: (failures: number) => void): void {
    const { passes, pending } = this.stats;
    const noneRan = passes === 0 && failures === 0;
    if (noneRan) console.error("no test ran");
    const counts: Counts = { passed: passes, failed: failures, skipped: pending };
    writeFileSync(join(runFolder, countsFile), JSON.stringify(counts));
    finish?.(noneRan ? 1 : failures);
  }
}
