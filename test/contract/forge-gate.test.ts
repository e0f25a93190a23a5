// The gate in front of a forge's API, with the time in our hands: whom it holds back, for how long, and who hears of it.

import { expect } from "chai";
import { createForgeGate, type ForgeGate } from "../../ci-server/adapters/forge-gate.ts";
import type { Allowance, GateOutcome } from "../../ci-server/adapters/forge-gate-parts.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import type { ForgeHealth } from "../../ci-server/core/forge-health.ts";
import type { Clock } from "../../ci-server/core/ports.ts";

const secondMs = 1_000;
const minuteMs = 60_000;

/** Whoever sleeps on it wakes when the test has moved the time so far. */
class TestClock implements Clock {
  ms = 0;
  readonly #sleepers = new Set<{ readonly atMs: number; wake(): void }>();

  now = () => new Date(1_800_000_000_000 + this.ms);
  monotonicMs = () => this.ms;

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { atMs: this.ms + ms, wake: resolve };
    this.#sleepers.add(sleeper);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    return promise.finally(() => this.#sleepers.delete(sleeper));
  }

  async pass(ms: number): Promise<void> {
    this.ms += ms;
    for (const sleeper of this.#sleepers) if (sleeper.atMs <= this.ms) sleeper.wake();
    await settle();
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("the gate in front of a forge's API", () => {
  let clock: TestClock;
  let gate: ForgeGate;
  let outcomes: GateOutcome[];
  let told: ForgeHealth[];
  let probes: number;
  let probeFails: boolean;
  beforeEach(() => {
    [clock, outcomes, told, probes, probeFails] = [new TestClock(), [], [], 0, false];
    gate = createForgeGate({
      clock,
      observer: {
        asked: (_question, outcome) => outcomes.push(outcome),
        allowed: () => undefined,
        changed: (health) => told.push(health),
      },
      limits: { pauseMsMax: 60 * minuteMs, failuresMax: 3, waitingMax: 2 },
    });
  });
  afterEach(() => gate.close());

  const { signal } = new AbortController();
  const asked = async (ask: () => Promise<unknown>, who = "token", isWrite = false) =>
    gate.through(
      {
        ...{ forge: "github", apiUrl: "https://forge.test", credential: { key: who, name: who }, isWrite, signal },
        probe: async () => {
          probes += 1;
          if (probeFails) throw new AppError("unavailable", "still away");
        },
      },
      async () => ({ allowance: ((await ask()) ?? null) as Allowance | null }), // what the test says
    );
  const ok = async () => null;
  const refuse =
    (code: "rate_limited" | "unavailable", details: object = {}) =>
    async () => {
      throw new AppError(code, "no", { details: { ...details } });
    };
  const failure = async (work: Promise<unknown>): Promise<AppError> => {
    const error = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(AppError);
    return error as AppError; // seen above
  };

  it("lets nobody through while the forge wants to be left alone, and says for how long", async () => {
    await failure(asked(refuse("rate_limited", { retryAfterMs: 30 * secondMs })));
    await clock.pass(10 * secondMs);
    const held = await failure(asked(ok));
    expect(held).to.include({ code: "rate_limited" });
    expect(held.details.retryAfterMs).to.equal(20 * secondMs);
    await asked(ok, "another token");
    await clock.pass(20 * secondMs);
    await asked(ok);
    expect(outcomes).to.deep.equal(["rate_limited", "held", "ok", "ok"]);
    expect(told.map(({ state, credential }) => [state, credential])).to.deep.equal([
      ["rate_limited", "token"],
      ["ok", "token"],
    ]);
  });

  it("waits a minute where the forge does not say how long, and twice as long each time again", async () => {
    for (const minutes of [1, 2, 4]) {
      const error = await failure(asked(refuse("rate_limited")));
      expect(error.details.retryAfterMs).to.equal(minutes * minuteMs);
      await clock.pass(minutes * minuteMs);
    }
    await asked(ok);
    expect((await failure(asked(refuse("rate_limited")))).details.retryAfterMs).to.equal(minuteMs);
  });

  it("counts what was on its way together once", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = () => promise.then(refuse("rate_limited"));
    const both = [failure(asked(late)), failure(asked(late))];
    resolve();
    for (const error of await Promise.all(both)) expect(error.details.retryAfterMs).to.equal(minuteMs);
  });

  it("waits no longer than its limit, whatever is said", async () => {
    const error = await failure(asked(refuse("rate_limited", { retryAfterMs: 1e12 })));
    expect(error.details.retryAfterMs).to.equal(60 * minuteMs);
  });

  it("asks nothing after the last question that the forge allows, until its hour is over", async () => {
    await asked(async () => ({ remaining: 0, resetMs: 90 * secondMs }));
    expect((await failure(asked(ok))).details.retryAfterMs).to.equal(90 * secondMs);
    await clock.pass(90 * secondMs);
    await asked(ok);
  });

  it("writes one after the other, reads beside it, and lets no more wait than its limit", async () => {
    const first = Promise.withResolvers<void>();
    const order: string[] = [];
    const write = (name: string, until = Promise.resolve()) =>
      asked(() => until.then(() => void order.push(name)), "token", true);
    const writes = [write("first", first.promise), write("second")];
    expect(await failure(write("third"))).to.include({ code: "unavailable" });
    await asked(async () => void order.push("read"));
    first.resolve();
    await Promise.all(writes);
    expect(order).to.deep.equal(["read", "first", "second"]);
  });

  it("writes once a second after a secondary limit", async () => {
    await failure(asked(refuse("rate_limited", { retryAfterMs: secondMs, isSecondary: true }), "token", true));
    await clock.pass(secondMs);
    await asked(ok, "token", true);
    let isWritten = false;
    const second = asked(ok, "token", true).then(() => {
      isWritten = true;
    });
    await clock.pass(secondMs - 1);
    expect(isWritten).to.equal(false);
    await clock.pass(1);
    await second;
  });

  it("holds back what waited for its turn when the turn before was one too many", async () => {
    const first = Promise.withResolvers<void>();
    const refused = failure(asked(() => first.promise.then(refuse("rate_limited")), "token", true));
    const second = failure(asked(ok, "token", true));
    first.resolve();
    await refused;
    expect(await second).to.include({ code: "rate_limited" });
    expect(outcomes).to.deep.equal(["rate_limited", "held"]);
  });

  it("asks a forge that does not answer now and then only, whoever asks, and looks by itself whether it is back", async () => {
    probeFails = true;
    for (let count = 0; count < 3; count += 1) await failure(asked(refuse("unavailable")));
    expect(await failure(asked(ok, "another token"))).to.include({ code: "unavailable" });
    expect(told.at(-1)).to.include({ state: "no_answer", credential: "" });
    await clock.pass(secondMs);
    expect(probes).to.equal(1);
    await clock.pass(secondMs);
    expect(probes, "waits longer each time").to.equal(1);
    probeFails = false;
    await clock.pass(secondMs);
    expect(told.at(-1)).to.include({ state: "ok" });
    await asked(ok);
    expect(outcomes).to.deep.equal(["unavailable", "unavailable", "unavailable", "held", "ok"]);
  });

  it("takes a refusal for an answer: a forge that says no is there", async () => {
    const no = async () => {
      throw new AppError("not_found", "no");
    };
    for (let count = 0; count < 2; count += 1) await failure(asked(refuse("unavailable")));
    await failure(asked(no));
    for (let count = 0; count < 2; count += 1) await failure(asked(refuse("unavailable")));
    await asked(ok);
    expect(told).to.deep.equal([]);
  });
});
