// Asserts that something fails with one of the program's own errors.

import { expect } from "chai";
import { AppError } from "../../ci-server/core/errors.ts";

/** The work has to reject with this code and with a message that holds these words. */
export async function fails(work: Promise<unknown>, code: string, words: string): Promise<void> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  expect(error, String(error)).to.be.instanceOf(AppError);
  expect(error).to.include({ code });
  expect((error as AppError).message).to.contain(words);
}
