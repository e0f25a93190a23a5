// The ledger through the API: why was this not built, build it again, and what would happen if.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { Tester } from "../helpers/tester.ts";

interface Entry {
  readonly delivery?: string;
  readonly guid: string;
  readonly verdict: string;
  readonly reason: string;
  readonly rules: readonly { readonly rule: string; readonly passed: boolean; readonly saw: string }[];
  readonly build: number | null;
}

describe("the ledger", function () {
  this.timeout(60_000);
  let ci: Tester;
  before(async () => {
    ci = await Tester.start();
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  async function get<T>(path: string): Promise<T> {
    return (await ci.api(path)).json() as Promise<T>;
  }

  async function skippedDelivery(): Promise<{ guid: string; sha: string }> {
    await ci.repository.commit({ branch: "next", files: {}, message: "next" });
    const { verdict, sha } = await ci.merge({ base: "next" });
    expect(verdict.verdict).to.equal("skip");
    return { guid: verdict.delivery, sha };
  }

  it("says rule by rule why a delivery was built or not", async () => {
    const { verdict } = await ci.merge();
    const built = await get<Entry>(`/deliveries/${verdict.delivery}`);
    expect(built).to.include({ guid: verdict.delivery, verdict: "build", build: verdict.build });
    const passed = built.rules.map(({ rule, passed: ok }) => (ok ? rule : `not ${rule}`));
    expect(passed).to.deep.equal([
      "event",
      "action",
      "merged",
      "repository",
      "forge",
      "branch",
      "draft",
      "labels",
      "skip directive",
      "already built",
    ]);
    const { guid } = await skippedDelivery();
    const skipped = await get<Entry>(`/deliveries/${guid}`);
    expect(skipped.rules.at(-1)).to.deep.equal({ rule: "branch", passed: false, saw: "next" });
    await ci.finished(verdict.build);
  });

  it("lists deliveries newest first, by verdict and page by page", async () => {
    const { guid } = await skippedDelivery();
    const { deliveries, next } = await get<{ deliveries: Entry[]; next: number }>("/deliveries?verdict=skip&limit=1");
    expect(deliveries.map((entry) => entry.guid)).to.deep.equal([guid]);
    const older = await get<{ deliveries: Entry[] }>(`/deliveries?before=${next}`);
    expect(older.deliveries.map((entry) => entry.guid)).to.not.include(guid);
    expect((await ci.api("/deliveries?verdict=maybe")).status).to.equal(400);
    expect((await ci.api(`/deliveries/${randomUUID()}`)).status).to.equal(404);
  });

  it("gives back the bytes as they came", async () => {
    const payload = '{"zen": "\\u003c 1.0 \\/", "hook_id": 1.0}';
    const { guid } = await ci.deliver({ event: "ping", payload });
    const response = await ci.api(`/deliveries/${guid}/body`);
    expect(await response.text()).to.equal(payload);
    expect(response.headers.get("content-disposition")).to.contain("attachment");
  });

  it("builds a delivery again on request", async () => {
    const { verdict, sha } = await ci.merge({ message: "again" });
    await ci.finished(verdict.build);
    const response = await ci.api(`/deliveries/${verdict.delivery}/replay`, { method: "POST" });
    expect(response.status).to.equal(202);
    const replayed = (await response.json()) as Entry;
    expect(replayed).to.include({ delivery: verdict.delivery, verdict: "build" });
    expect(response.headers.get("location")).to.equal(`/api/v1/builds/${replayed.build}`);
    expect(replayed.build).to.not.equal(verdict.build);
    expect(await ci.finished(replayed.build)).to.include({ result: "success", sha });
  });

  it("replays nothing that the rules skip", async () => {
    const { guid } = await skippedDelivery();
    const response = await ci.api(`/deliveries/${guid}/replay`, { method: "POST" });
    expect(response.status).to.equal(200);
    expect(await response.json()).to.include({ verdict: "skip", build: null });
    expect((await ci.api(`/deliveries/${randomUUID()}/replay`, { method: "POST" })).status).to.equal(404);
  });

  it("answers a dry run with what would happen, also under a changed configuration, and changes nothing", async () => {
    const { guid } = await skippedDelivery();
    const { verdict } = await ci.merge({ message: "built" });
    await ci.finished(verdict.build);
    const before = [await ci.countRows("build"), await ci.countRows("delivery")];
    const dry = (which: string, body?: unknown) =>
      body === undefined
        ? ci.api(`/deliveries/${which}/replay?dry_run=true`, { method: "POST" })
        : ci.post(`/deliveries/${which}/replay?dry_run=true`, body);
    expect(await (await dry(guid)).json()).to.include({ verdict: "skip", build: null });
    const repositories = [{ name: "acme/shop", url: ci.cloneUrl, branches: ["*"] }];
    const changed = (await (await dry(guid, { repositories })).json()) as Entry;
    expect(changed).to.include({ verdict: "build", build: null });
    expect(changed.rules.at(-1)).to.include({ rule: "already built", passed: true });
    // A body that does not say its length is read all the same.
    const chunked = await ci.api(`/deliveries/${guid}/replay?dry_run=true`, {
      method: "POST",
      body: new Blob([JSON.stringify({ repositories })]).stream(),
      headers: { "content-type": "application/json" },
      duplex: "half",
    });
    expect(await chunked.json()).to.include({ verdict: "build" });
    const known = (await (await dry(verdict.delivery)).json()) as Entry;
    expect(known).to.include({ verdict: "skip", build: verdict.build });
    expect(known.reason).to.contain(`it is build ${verdict.build} already`);
    const wrong = await dry(guid, { repositories: [{ name: "shop", url: "x" }] });
    expect(wrong.status).to.equal(400);
    expect(((await wrong.json()) as { detail: string }).detail).to.contain(
      'repositories[0].name: "shop" has to be owner/name',
    );
    expect([await ci.countRows("build"), await ci.countRows("delivery")]).to.deep.equal(before);
  });

  it("notes what was refused, without its body", async () => {
    const before = await ci.countRows("refused_delivery");
    await ci.deliver({ secret: "not the hook's secret" });
    expect(await ci.countRows("refused_delivery")).to.equal(before + 1);
    const { setup } = (await (await ci.api("/system")).json()) as { setup: { lastRefusal: { reason: string } | null } };
    expect(setup.lastRefusal?.reason).to.contain("the signature does not fit");
  });

  it("makes one build of an image that is asked for again under its Idempotency-Key", async () => {
    const ask = (version: string) =>
      ci.api("/images", {
        method: "POST",
        body: JSON.stringify({ service: "shop", version, type: "docker" }),
        headers: { "content-type": "application/json", "idempotency-key": "key-1" },
      });
    const locations = [(await ask("7")).headers.get("location"), (await ask("7")).headers.get("location")];
    expect(locations[0])
      .to.match(/builds\/\d+$/)
      .and.equal(locations[1]);
    expect((await ask("8")).status).to.equal(409);
    await ci.finished(Number(locations[0]?.split("/").at(-1)));
  });
});
