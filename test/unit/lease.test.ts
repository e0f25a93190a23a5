import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { type HeldLease, holdLease } from "../../ci-server/adapters/postgres/lease.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { fails } from "../helpers/failure.ts";

describe("a lease", () => {
  let lease: HeldLease;
  afterEach(() => lease.release());

  function hold(touch: () => Promise<boolean>, lostMs = 60_000): HeldLease {
    lease = holdLease({ touch, refreshMs: 5, lostMs });
    return lease;
  }

  function lost({ signal }: HeldLease): Promise<string> {
    return new Promise((resolve) => {
      const tell = () => resolve((signal.reason as AppError).message);
      if (signal.aborted) tell();
      else signal.addEventListener("abort", tell);
    });
  }

  it("lasts as long as the database confirms it", async () => {
    let touches = 0;
    const held = hold(async () => ++touches > 0, 1_000);
    const startedMs = performance.now();
    // By its own timer.
    while (performance.now() - startedMs < 1_100) await delay(1);
    expect(touches).to.be.greaterThan(10);
    await held.confirm();
    expect(held.signal.aborted).to.equal(false);
  });

  it("ends as soon as another worker has the build", async () => {
    const held = hold(async () => false);
    expect(await lost(held)).to.equal("another worker has taken over the build");
    await fails(held.confirm(), "unavailable", "another worker has taken over");
  });

  it("ends when the database does not answer, and when it only refuses", async () => {
    expect(await lost(hold(() => new Promise(() => undefined), 50))).to.contain(
      "has not confirmed this attempt for 0.05 s",
    );
    lease.release();
    expect(await lost(hold(() => Promise.reject(new Error("gone")), 50))).to.contain(
      "another worker may have the build",
    );
  });

  it("is not confirmed while the database is away, and goes on when it is back in time", async () => {
    let isAway = true;
    const held = hold(async () => {
      if (isAway) throw new Error("gone");
      return true;
    });
    await fails(held.confirm(), "unavailable", "the database could not confirm this attempt: gone");
    isAway = false;
    await held.confirm();
    expect(held.signal.aborted).to.equal(false);
  });

  it("is as old as the question: an answer that was read late, as after a freeze, confirms nothing", async () => {
    const held = hold(async () => {
      const frozenMs = performance.now() + 80;
      while (performance.now() < frozenMs);
      return true;
    }, 50);
    await fails(held.confirm(), "unavailable", "another worker may have the build");
  });

  it("ends with the reason that it is given", async () => {
    const held = hold(async () => true);
    held.end("the server stops");
    await fails(held.confirm(), "unavailable", "the server stops");
    expect(held.signal.reason).to.be.instanceOf(AppError);
  });
});
