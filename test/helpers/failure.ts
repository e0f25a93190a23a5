// Asserts that something fails with one of the program's own errors.

import { expect } from "chai";
import { AppError } from "../../ci-server/core/errors.ts";
import { type FailureKind, knownFailure } from "../../ci-server/core/failure.ts";

/** What a build that ends by the error is told to be. */
export interface Told {
  readonly kind: FailureKind;
  /** Words of it. */
  readonly hint: string;
}

/** The work has to reject with this code and with a message that holds these words. */
export async function fails(work: Promise<unknown>, code: string, words: string, told?: Told): Promise<void> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  expect(error, String(error)).to.be.instanceOf(AppError);
  expect(error).to.include({ code });
  const { message } = error as AppError; // seen above
  expect(message).to.contain(words);
  if (told === undefined) return;
  const { kind, hint } = knownFailure(error as AppError); // seen above
  expect(kind, message).to.equal(told.kind);
  expect(hint, message).to.contain(told.hint);
}
