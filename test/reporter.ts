// Mocha's spec report, which ends with one plain line that counts the run.

import Mocha from "mocha";

/** A run in which nothing passed has failed: a wrong --grep or only pending tests must not look like success. */
export default class Reporter extends Mocha.reporters.Spec {
  override done(failures: number, finish?: (failures: number) => void): void {
    const { passes, pending } = this.stats;
    const noneRan = passes === 0 && failures === 0;
    if (noneRan) console.error("no test ran");
    console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
    finish?.(noneRan ? 1 : failures);
  }
}
