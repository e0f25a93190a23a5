// Conversations with a fake GitHub about what a look cannot see in full, and about what becomes of that which it finds.

import { expect } from "chai";
import type { DeliveryRecord } from "../fakes/github/state.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { askFake, mergeAll, ReconcileTalk } from "../helpers/reconcile-talk.ts";

describe("what cannot be looked through in full", function () {
  this.timeout(60_000);
  const limits = { body_bytes_max: 5_000, reconcile_commits_max: 2 };
  let talk: ReconcileTalk;
  before(async () => {
    talk = await ReconcileTalk.start({ limits });
  });
  afterEach(() => removeImages(talk.github.ci.lab));
  after(() => talk.stop());

  it("is a delivery that is too large: GitHub is not asked to send it again and again, and the system says so", async () => {
    await talk.github.merge();
    const [hook] = talk.github.repository.hooks.values();
    const sent = hook?.deliveries.length;
    const { found, problem } = await talk.reconcile();
    expect({ found, sent: hook?.deliveries.length }).to.deep.equal({ found: 0, sent });
    expect(problem).to.match(/^1 of the hook's deliveries .* limits\.body_bytes_max/);
  });

  it("is a branch with more commits than are looked through, and the system says which limit that was", async () => {
    talk.github.repository.people.set("admin", "write");
    await talk.reconcile();
    await mergeAll(talk, ["one", "two", "three"]);
    const { found, problem } = await talk.reconcile();
    expect(found).to.equal(2);
    expect(problem).to.contain("raise limits.reconcile_commits_max");
    await talk.allBuilt(2);
  });
});

describe("what was missed and is found", function () {
  this.timeout(60_000);
  let talk: ReconcileTalk;
  before(async () => {
    talk = await ReconcileTalk.start({ rules: { commands: true } });
    for (const hook of talk.github.repository.hooks.values()) hook.events = ["pull_request", "issue_comment"];
  });
  afterEach(() => removeImages(talk.github.ci.lab));
  after(() => talk.stop());

  it("is a command as well: it is obeyed once, after the merge that it is about was queued", async () => {
    await talk.whileCutOff(async () => {
      const { number } = await talk.github.merge("with a comment");
      await talk.github.github.comment("acme/shop", number, "octocat", "/mergedock rebuild");
    });
    expect(await talk.reconcile()).to.include({ way: "api", found: 2, problem: null });
    const triggers = async () => (await talk.allBuilt(2)).map(({ trigger, result }) => `${trigger} ${result}`);
    expect(await triggers()).to.deep.equal(["pull_request success", "manual success"]);
    const answers = await talk.github.until(
      () => ownComments(talk, 1),
      (all) => all.length > 1,
    );
    const [hook] = talk.github.repository.hooks.values();
    const missed = hook?.deliveries.filter(({ statusCode }) => statusCode === 0) ?? [];
    expect(missed.map(({ event }) => event)).to.include.members(["pull_request", "issue_comment"]);
    for (const record of missed) await redeliver(talk, record);
    expect(await talk.reconcile()).to.include({ found: 0 });
    expect(await triggers()).to.have.length(2);
    expect(ownComments(talk, 1)).to.have.length(answers.length);
  });

  it("is told of as any other merge is, though only git has shown it", async () => {
    talk.github.repository.people.set("admin", "write");
    const pull = await talk.whileCutOff(() => talk.github.merge("shown by git"));
    await talk.reconcile();
    expect(await talk.github.built(pull)).to.include({ result: "success", trigger: "reconcile" });
    await talk.github.until(
      () => talk.github.repository.statuses.get(pull.mergedSha ?? "")?.at(-1)?.state,
      (state) => state === "success",
    );
    await talk.github.until(
      () => ownComments(talk, pull.number),
      (all) => all.length === 1,
    );
  });
});

function ownComments({ github }: ReconcileTalk, number: number): readonly string[] {
  return [...github.repository.comments.values()]
    .filter(({ pullRequest, body }) => pullRequest === number && !body.startsWith("/"))
    .map(({ body }) => body);
}

async function redeliver(talk: ReconcileTalk, { id, guid }: DeliveryRecord): Promise<void> {
  const [hook] = talk.github.repository.hooks.values();
  await askFake(talk, `/hooks/${hook?.id}/deliveries/${id}/attempts`);
  await talk.github.until(
    () => hook?.deliveries.find((one) => one.redelivery && one.guid === guid && one.statusCode !== 0),
    (found) => found !== undefined,
  );
}
