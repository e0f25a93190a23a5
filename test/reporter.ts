// Mocha's spec report, which ends with one plain line that counts the run, or leaves the counts for run.ts to add up.

import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function toLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** A run in which nothing passed has failed: a wrong --grep or only pending tests must not look like success. */
export default class Reporter extends Mocha.reporters.Spec {
  override done(failures: number, finish?: (failures: number) => void): void {
    const { passes, pending } = this.stats;
    const noneRan = passes === 0 && failures === 0;
    if (noneRan) console.error("no test ran");
    const counts: Counts = { passed: passes, failed: failures, skipped: pending };
    const file = process.env.MERGEDOCK_TEST_COUNTS;
    if (file === undefined) console.log(toLine(counts));
    else writeFileSync(file, JSON.stringify(counts));
    finish?.(noneRan ? 1 : failures);
  }
}
