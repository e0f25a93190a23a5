// The suite of core/ports/forge-api.ts: what a forge's refusals become, and what no message holds.

import { expect } from "chai";
import type { AppError } from "../../ci-server/core/errors.ts";
import type { ForgeRepository } from "../../ci-server/core/ports.ts";
import { fails } from "../helpers/failure.ts";
import type { ForgeWorld } from "./forge-api-world.ts";

const { signal } = new AbortController();

export function describeRefusals(of: () => ForgeWorld): void {
  const look = (forge: ForgeRepository) => forge.hooks.list(signal);
  const answers: [number, Record<string, string>, string][] = [
    [400, {}, "invalid"],
    [422, {}, "invalid"],
    [429, { "retry-after": "17" }, "rate_limited"],
    [500, {}, "unavailable"],
    [502, {}, "unavailable"],
    [503, { "retry-after": "17" }, "unavailable"],
  ];
  for (const [status, headers, code] of answers)
    it(`says ${code} of ${status}, and asks once`, async () => {
      const forge = of().open();
      await look(forge);
      const before = of().asked();
      of().answerNext({ status, headers });
      const error = await look(forge).catch((thrown: AppError) => thrown);
      expect(error).to.include({ code });
      if (headers["retry-after"] !== undefined)
        expect((error as AppError).details.retryAfterMs).to.be.within(16_000, 17_000); // it is one: the code was seen
      expect(of().asked()).to.equal(before + 1);
    });

  it("says unauthorized to a token that the forge does not know, with no secret in the message", async () => {
    const error = await look(of().open("refused")).catch((thrown: AppError) => thrown);
    expect(error).to.include({ code: "unauthorized" });
    for (const secret of of().secrets()) expect(everythingOf(error)).to.not.contain(secret);
  });

  it("says forbidden, and which right is lacking", async () => {
    await fails(look(of().open("lacking")), "forbidden", of().lacks);
  });

  it("says not_found of a repository that is not there", async () => {
    await fails(look(of().open("owner", "acme/none")), "not_found", "acme/none");
  });

  it("says unavailable when what is answered is not the API's", async () => {
    of().answerNext({ status: 200 });
    await fails(look(of().open()), "unavailable", "");
  });

  it("ends with the signal's reason", async () => {
    const reason = new Error("enough");
    const error = await of()
      .open()
      .hooks.list(AbortSignal.abort(reason))
      .catch((thrown: unknown) => thrown);
    expect(error).to.equal(reason);
  });
}

/** An error with its causes, as a log would have it. */
function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? "";
  return [error.message, error.stack, JSON.stringify(error), everythingOf(error.cause)].join("\n");
}
