// What core/ports/forge-api.ts promises, of any forge: a driver opens one, with a fake behind it.

import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { AppError } from "../../ci-server/core/errors.ts";
import { statusStates } from "../../ci-server/core/ports/forge-api.ts";
import type { CheckRun, ForgeHooks, ForgeRepository } from "../../ci-server/core/ports.ts";
import { fails } from "../helpers/failure.ts";
import { type Listener, listen } from "../helpers/listener.ts";
import type { ForgeWorld } from "./forge-api-world.ts";

const { signal } = new AbortController();
const mark = "<!-- mergedock -->";

export function describeForgeApi(name: string, start: () => Promise<ForgeWorld>): void {
  describe(name, () => {
    let world: ForgeWorld;
    before(async () => {
      world = await start();
    });
    after(() => world.stop());

    describeStatuses(() => world);
    describeComments(() => world);
    describePeople(() => world);
    describeChecks(() => world);
    describe("hooks", () => describeHooks(() => world));
    describe("deliveries", () => describeDeliveries(() => world));
    describeRefusals(() => world);
  });
}

function describeStatuses(of: () => ForgeWorld): void {
  const status = { context: "ci/mergedock/shop", description: "queued", url: null };

  it("takes every state of a commit, with the page of its build or without", async () => {
    const forge = of().open();
    const { sha } = of();
    for (const state of statusStates) await forge.setStatus({ ...status, sha, state }, signal);
    const url = "http://localhost/builds/1";
    await forge.setStatus({ ...status, sha, state: "success", url, description: "d".repeat(140) }, signal);
    const seen = of().statuses();
    expect(seen.map(({ state }) => state)).to.deep.equal([...statusStates, "success"]);
    expect(seen[0]).to.deep.equal({ ...status, state: "pending" });
    expect(seen.at(-1)).to.include({ url, description: "d".repeat(140) });
  });
}

function describeComments(of: () => ForgeWorld): void {
  it("takes a comment, and changes it in place", async () => {
    const forge = of().open();
    const { pullRequest } = of();
    const id = await forge.putComment({ pullRequest, text: `one ${mark}` }, null, signal);
    expect(await forge.putComment({ pullRequest, text: `two ${mark}` }, id, signal)).to.equal(id);
    expect(of().comments()).to.deep.equal([{ id, text: `two ${mark}` }]);
  });

  it("says that a comment is gone", async () => {
    const { pullRequest } = of();
    const id = of().addComment("ourselves", "soon gone");
    of().removeComment(id);
    await fails(of().open().putComment({ pullRequest, text: "again" }, id, signal), "not_found", "");
  });

  it("finds the newest of our own that holds a text, and nobody else's", async () => {
    const forge = of().open();
    const { pullRequest } = of();
    const id = of().addComment("ourselves", `mine ${mark}`);
    of().addComment("ourselves", "of something else");
    of().addComment("stranger", `I may write ${mark} too`);
    expect(await forge.findComment(pullRequest, mark, signal)).to.equal(id);
    expect(await forge.findComment(pullRequest, "<!-- another mark -->", signal)).to.equal(null);
  });

  it("finds it among more comments than one answer holds", async () => {
    const first = of().addComment("ourselves", "the first of many <!-- early -->");
    for (let count = 0; count < 230; count += 1) of().addComment("stranger", `comment ${count}`);
    const last = of().addComment("ourselves", "the last of many <!-- late -->");
    const forge = of().open();
    expect(await forge.findComment(of().pullRequest, "<!-- early -->", signal)).to.equal(first);
    expect(await forge.findComment(of().pullRequest, "<!-- late -->", signal)).to.equal(last);
  });
}

function describePeople(of: () => ForgeWorld): void {
  it("says what a person may do in the repository", async () => {
    const forge = of().open();
    expect(await forge.permission("octocat", signal)).to.equal("write");
    expect(await forge.permission("stranger", signal)).to.equal("read");
    expect(await forge.permission("nobody", signal)).to.equal("none");
  });
}

function describeChecks(of: () => ForgeWorld): void {
  const check = {
    ...{ name: "mergedock", url: null, externalId: "1", title: "A title", summary: "A summary", text: null },
    ...{ startedAt: null, completedAt: null, conclusion: null, annotations: [] },
  } as const;
  const annotation = { path: "Dockerfile", line: 3, title: "RUN", message: "exit code 1" };

  it("makes a check run and updates it, where the forge has them", async function () {
    const { checks } = of().open();
    if (checks === null) return this.skip();
    const given: CheckRun = { ...check, sha: of().sha };
    const id = await checks.put(given, null, signal);
    expect(of().checks()).to.deep.equal([{ id, name: "mergedock", conclusion: null, annotations: [] }]);
    const now = new Date();
    const ended = { startedAt: now, completedAt: now, conclusion: "failure", annotations: [annotation] } as const;
    expect(await checks.put({ ...given, ...ended, text: "x".repeat(100_000) }, id, signal)).to.equal(id);
    const told = { id, name: "mergedock", conclusion: "failure", annotations: [{ path: "Dockerfile", line: 3 }] };
    expect(of().checks()).to.deep.equal([told]);
  });
}

function describeHooks(of: () => ForgeWorld): void {
  let listener: Listener;
  before(async () => {
    listener = await listen();
  });
  after(() => listener.close());
  const settings = (path: string) => {
    const secret = "secret-of-the-hook-0123456789";
    return { url: `${listener.url}/${path}`, secret, events: ["pull_request"] };
  };

  it("makes a hook that sends JSON over verified TLS, pings it, changes all of it, and removes it", async () => {
    const { hooks } = of().open();
    const hook = await hooks.create(settings("made"), signal);
    expect(hook).to.include({ url: `${listener.url}/made`, contentType: "json", isActive: true, verifiesTls: true });
    expect(hook.events).to.deep.equal(["pull_request"]);
    expect(of().hookSecret(hook.id)).to.equal(settings("made").secret);
    expect(await hooks.list(signal)).to.deep.equal([hook]);
    const secret = "another-secret-of-the-hook-0123456789";
    const changed = await hooks.update(hook.id, { ...settings("changed"), secret, events: ["push"] }, signal);
    expect(changed).to.deep.equal({ ...hook, url: `${listener.url}/changed`, events: ["push"] });
    expect(of().hookSecret(hook.id)).to.equal(secret);
    await hooks.ping(hook.id, signal);
    await until(() => listener.hits.includes("/changed"));
    await hooks.remove(hook.id, signal);
    expect(await hooks.list(signal)).to.deep.equal([]);
  });

  it("says that a hook is gone", async () => {
    const { hooks } = of().open();
    const { id } = await hooks.create(settings("gone"), signal);
    await hooks.remove(id, signal);
    await fails(hooks.remove(id, signal), "not_found", "");
    await fails(hooks.ping(id, signal), "not_found", "");
    await fails(hooks.update(id, settings("gone"), signal), "not_found", "");
  });
}

function describeDeliveries(of: () => ForgeWorld): void {
  let listener: Listener;
  let forge: ForgeRepository;
  let hookId: string;
  before(async () => {
    listener = await listen();
    forge = of().open();
    const settings = { url: listener.url, secret: "secret-of-the-hook-0123456789", events: ["pull_request"] };
    ({ id: hookId } = await forge.hooks.create(settings, signal));
  });
  after(async () => {
    await forge.hooks.remove(hookId, signal);
    await listener.close();
  });
  /** A forge that does not tell has nothing to promise here. */
  const deliveriesOf = (context: Mocha.Context): NonNullable<ForgeHooks["deliveries"]> =>
    forge.hooks.deliveries ?? context.skip();

  it("tells what a hook was sent and what was answered, newest first, bounded, since a time", async function () {
    const deliveries = deliveriesOf(this);
    const since = new Date(Date.now() - 60_000);
    for (let count = 0; count < 3; count += 1) await of().sendEvent();
    const sent = (await deliveries.list(hookId, since, 100, signal)).filter(({ event }) => event === "pull_request");
    expect(sent.map(({ statusCode }) => statusCode)).to.deep.equal([404, 404, 404]);
    expect(sent.map(({ deliveredAt }) => deliveredAt.getTime())).to.satisfy(isFalling);
    expect(await deliveries.list(hookId, since, 2, signal)).to.have.length(2);
    // The same question again: what was remembered of the first answer is as good.
    expect(await deliveries.list(hookId, since, 2, signal)).to.have.length(2);
    expect(await deliveries.list(hookId, new Date(Date.now() + 60_000), 100, signal)).to.deep.equal([]);
  });

  it("gives what was sent, and sends it again under the same GUID", async function () {
    const deliveries = deliveriesOf(this);
    const list = () => deliveries.list(hookId, new Date(0), 100, signal);
    const [newest] = await list();
    if (newest === undefined) throw new Error("nothing was sent");
    const { guid, event, headers, body } = await deliveries.read(hookId, newest.id, signal);
    expect({ guid, event }).to.deep.equal({ guid: newest.guid, event: newest.event });
    expect(Object.keys(headers)).to.deep.equal(Object.keys(headers).map((name) => name.toLowerCase()));
    expect(JSON.parse(Buffer.from(body).toString())).to.be.an("object");
    await deliveries.redeliver(hookId, newest.id, signal);
    await until(async () => (await list()).filter((one) => one.guid === newest.guid).length === 2);
  });
}

function describeRefusals(of: () => ForgeWorld): void {
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

/** Looks again and again; gives up where that goes on for seconds. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const lastMs = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > lastMs) throw new Error("it did not become so");
    await delay(5);
  }
}

function isFalling(numbers: readonly number[]): boolean {
  return numbers.every((one, index) => index === 0 || one <= (numbers[index - 1] ?? 0));
}

/** An error with its causes, as a log would have it. */
function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? "";
  return [error.message, error.stack, JSON.stringify(error), everythingOf(error.cause)].join("\n");
}
