import { expect } from "chai";
import { Slots, Turns } from "../../ci-server/adapters/turns.ts";

const never = new AbortController().signal;

describe("turns", () => {
  it("let those of one name work one after the other, and others meanwhile", async () => {
    const turns = new Turns();
    const { promise, resolve } = Promise.withResolvers<void>();
    const order: string[] = [];
    const note = (text: string, wait?: Promise<void>) => async () => {
      await wait;
      order.push(text);
    };
    const both = [turns.take("a", never, note("first", promise)), turns.take("a", never, note("second"))];
    await turns.take("b", never, note("other"));
    resolve();
    await Promise.all(both);
    expect(order).to.deep.equal(["other", "first", "second"]);
  });

  it("are given up at once on an abort, and let nobody in before the one that works", async () => {
    const turns = new Turns();
    const { promise, resolve } = Promise.withResolvers<void>();
    const order: string[] = [];
    const first = turns.take("a", never, () => promise.then(() => void order.push("first")));
    const stop = new AbortController();
    const second = turns
      .take("a", stop.signal, async () => void order.push("second"))
      .catch((error: Error) => error.message);
    const third = turns.take("a", never, async () => void order.push("third"));
    stop.abort(new Error("enough"));
    expect(await second).to.equal("enough");
    resolve();
    await Promise.all([first, third]);
    expect(order).to.deep.equal(["first", "third"]);
  });

  it("go on after work that failed", async () => {
    const turns = new Turns();
    const failed = turns.take("a", never, () => Promise.reject(new Error("no"))).catch((error: Error) => error.message);
    expect(await turns.take("a", never, async () => "done")).to.equal("done");
    expect(await failed).to.equal("no");
  });
});

describe("slots", () => {
  it("are the lowest numbers that nobody holds", () => {
    const slots = new Slots();
    expect([slots.take("a"), slots.take("a"), slots.take("b"), slots.take("a")]).to.deep.equal([0, 1, 0, 2]);
    slots.free("a", 1);
    expect([slots.take("a"), slots.take("a")]).to.deep.equal([1, 3]);
  });
});
