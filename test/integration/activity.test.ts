// What a person sees through the API: what came in and what became of it, what is in the registry, how repositories and system fare.

import { expect } from "chai";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { ServerTester } from "../helpers/server-tester.ts";
import { type BuildView, Tester } from "../helpers/tester.ts";

interface Item {
  readonly id: string;
  readonly at: string;
  readonly kind: string;
  readonly delivery: { readonly guid: string; readonly verdict: string; readonly reason: string } | null;
  readonly build: BuildView | null;
  readonly repository: string | null;
  readonly title: string;
  readonly medianMs: number | null;
}

interface Page {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** A version is never moved: a registry that is left from an earlier run has those of that run. */
const version = `2.0.${Date.now()}`;

describe("what a person sees", function () {
  this.timeout(60_000);
  let ci: Tester;
  let merged: { sha: string; number: number; guid: string; build: number };
  before(async () => {
    ci = await Tester.start({ rules: { paths: ["message.txt"] } });
    const { sha, number, verdict } = await ci.merge({ title: "Fix the cart" });
    merged = { sha, number, guid: verdict.delivery, build: verdict.build ?? 0 };
    await ci.finished(verdict.build);
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  async function get<T>(path: string): Promise<T> {
    const response = await ci.api(path);
    expect(response.status, path).to.equal(200);
    return (await response.json()) as T;
  }

  const newest = async () => (await get<Page>("/activity?limit=1")).items[0];

  it("is a merge with the delivery that told of it and the build that was made of it", async () => {
    const { items } = await get<Page>(`/activity?q=${merged.sha.slice(0, 7)}`);
    expect(items).to.have.length(1);
    const [item] = items;
    expect(item).to.include({ kind: "delivery", repository: "acme/shop", title: `#${merged.number} Fix the cart` });
    expect(item?.delivery).to.include({ guid: merged.guid, verdict: "build" });
    expect(item?.build).to.include({ id: merged.build, result: "success" });
    expect(item?.medianMs).to.be.greaterThan(0);
  });

  it("is a delivery that builds nothing, with the reason", async () => {
    const pullRequest = await ci.repository.openPullRequest({
      ...{ branch: "refused", base: "main", title: "Never mind" },
      commits: [{ files: { x: "x" }, message: "x" }],
    });
    const payload = closedPullRequest({ repository: ci.repository, cloneUrl: ci.cloneUrl, pullRequest });
    const { guid } = await ci.deliver({ payload });
    const item = await newest();
    expect(item).to.include({ kind: "delivery", build: null, title: `#${pullRequest.number} Never mind` });
    expect(item?.delivery).to.include({ guid, verdict: "skip" });
    expect(item?.delivery?.reason).to.contain("was closed without merging");
  });

  it("is a delivery whose merge was built already, without that build", async () => {
    const before = (await get<Page>("/activity")).items.filter(({ build }) => build?.id === merged.build);
    expect(before).to.have.length(1);
    const payload = JSON.parse(await (await ci.api(`/deliveries/${merged.guid}/body`)).text());
    const { guid } = await ci.deliver({ payload });
    const item = await newest();
    expect(item?.delivery).to.include({ guid, verdict: "skip" });
    expect(item?.build).to.equal(null);
  });

  it("is one item also where the build finds that it has nothing to build", async () => {
    const { verdict } = await ci.merge({ files: { "README.md": "words\n" }, title: "Only words" });
    expect((await ci.finished(verdict.build)).result).to.equal("skip");
    const item = await newest();
    expect(item?.title).to.match(/^#\d+ Only words$/);
    expect(item?.delivery).to.include({ guid: verdict.delivery, verdict: "skip" });
    expect(item?.build).to.include({ id: verdict.build, result: "skip" });
    const skipped = await get<Page>("/activity?verdict=skip");
    expect(skipped.items.map(({ id }) => id)).to.include(item?.id);
    const built = await get<Page>("/activity?verdict=build");
    expect(built.items.map(({ id }) => id)).to.not.include(item?.id);
  });

  it("is what was asked for by hand, and what was built again", async () => {
    const asked = await ci.post("/images", { service: "shop", version, type: "docker" });
    const { build } = (await asked.json()) as { build: number };
    await ci.finished(build);
    expect(await newest()).to.include({ kind: "build", delivery: null, title: `shop ${version}` });
    const again = await ci.post(`/builds/${merged.build}/rebuild`, {});
    const rebuilt = ((await again.json()) as { build: number }).build;
    await ci.finished(rebuilt);
    const item = await newest();
    expect(item).to.include({ kind: "build", delivery: null, title: `#${merged.number} Fix the cart` });
    expect(item?.build?.id).to.equal(rebuilt);
  });

  it("is found by its words, its author, its number, its version and its GUID, and by nothing else", async () => {
    const titles = async (q: string) =>
      (await get<Page>(`/activity?q=${encodeURIComponent(q)}`)).items.map(({ title }) => title);
    expect(await titles("the CART")).to.include(`#${merged.number} Fix the cart`);
    expect(await titles("codertocat")).to.include(`#${merged.number} Fix the cart`);
    expect(await titles(`#${merged.number}`)).to.include(`#${merged.number} Fix the cart`);
    expect(await titles(version)).to.deep.equal([`shop ${version}`]);
    expect(await titles(merged.guid.slice(0, 13))).to.include(`#${merged.number} Fix the cart`);
    for (const nothing of ["no such words", "%", "_____", "\\"])
      expect(await titles(nothing), nothing).to.deep.equal([]);
  });

  it("is a build with how long such builds take, and how many are before it while it waits", async () => {
    const page = await get<BuildView & { medianMs: number | null; queuedAhead: number | null }>(
      `/builds/${merged.build}`,
    );
    expect(page.medianMs).to.be.greaterThan(0);
    expect(page.queuedAhead).to.equal(null);
  });

  it("is builds by result, trigger, service and state", async () => {
    const ids = async (query: string) =>
      (await get<{ builds: { id: number }[] }>(`/builds?${query}`)).builds.map(({ id }) => id);
    expect(await ids("result=success")).to.include(merged.build);
    expect(await ids("result=failure")).to.deep.equal([]);
    expect(await ids("trigger=pull_request")).to.include(merged.build);
    expect(await ids("trigger=manual")).to.not.include(merged.build);
    expect(await ids("service=shop&result=success&repository=ACME/shop")).to.include(merged.build);
    expect(await ids("service=other")).to.deep.equal([]);
    expect(await ids("state=ended")).to.include(merged.build);
    expect(await ids("state=running")).to.deep.equal([]);
    expect(await ids("state=queued")).to.deep.equal([]);
    expect((await ci.api("/builds?state=asleep")).status).to.equal(400);
  });

  it("is the images of the registry, with what to type to pull them", async () => {
    const { images } = await get<{ images: Record<string, unknown>[] }>("/images?repository=acme/shop&q=SHOP");
    expect(images).to.have.length(1);
    expect(images[0]).to.include({ path: "acme/shop", repository: "acme/shop", service: "shop" });
    const first = await get<ImagePage>("/images/acme%2Fshop?limit=1");
    const rest = await get<ImagePage>(`/images/acme%2Fshop?before=${first.next}`);
    const versions = [...first.versions, ...rest.versions];
    expect(images[0]).to.include({ builds: versions.length });
    const build = await ci.build(merged.build);
    const version1 = versions.find(({ buildId }) => buildId === merged.build);
    expect(version1).to.include({ digest: build.images[0]?.digest, sha: merged.sha, signed: true, sbom: true });
    expect(version1?.pullRequest).to.include({ number: merged.number, title: "Fix the cart" });
    expect(versions.find(({ tags }) => tags.includes(version))?.tags).to.include(version);
    // Its tags that move have moved on with the build that was made of it again.
    expect(versions.filter(({ tags }) => tags.includes(`pr-${merged.number}`))).to.have.length(1);
    expect(version1?.tags).to.not.include(`pr-${merged.number}`);
    expect(versions.at(-1)?.bytesBefore).to.equal(null);
    expect(versions[0]?.bytesBefore).to.equal(versions[1]?.bytes);
    expect(first.pull.docker).to.equal(`docker pull ${versions[0]?.reference}`);
    expect((await ci.api("/images/acme%2Fnothing")).status).to.equal(404);
    expect((await ci.api("/images/acme%2F..%2F..%2Fetc")).status).to.equal(404);
  });

  it("T33: is never a page, whatever somebody has written", async () => {
    const title = "<img src=x onerror=alert(1)>";
    await ci.finished((await ci.merge({ title })).verdict.build);
    const activity = await ci.api("/activity?limit=1");
    expect(((await activity.json()) as Page).items[0]?.title).to.contain(title);
    const refused = await ci.api(`/images/${encodeURIComponent(title)}`);
    expect(refused.status).to.equal(404);
    for (const { headers } of [activity, refused]) {
      expect(headers.get("content-type")).to.match(/^application\/(?:problem\+)?json/);
      expect(headers.get("x-content-type-options")).to.equal("nosniff");
      expect(headers.get("content-security-policy")).to.contain("default-src 'self'");
    }
  });

  it("is the certificate to trust the registry with, without a token", async () => {
    const response = await fetch(`${ci.app.apiUrl}/ca.crt`);
    expect(await response.text()).to.contain("-----BEGIN CERTIFICATE-----");
  });

  it("is the configured repositories, and how they fare", async () => {
    const { repositories } = await get<{ repositories: Record<string, unknown>[] }>("/repositories");
    expect(repositories).to.have.length(1);
    expect(repositories[0]).to.deep.include({
      name: "acme/shop",
      services: ["shop"],
      queued: 0,
      running: 0,
      problem: null,
    });
    expect(repositories[0]?.lastDeliveryAt).to.be.a("string");
    expect(repositories[0]?.lastPingAt).to.equal(null);
    await ci.deliver({ event: "ping", payload: { zen: "z", hook_id: 1, repository: { full_name: "acme/shop" } } });
    const after = await get<{ repositories: Record<string, unknown>[] }>("/repositories");
    expect(after.repositories[0]?.lastPingAt).to.be.a("string");
  });

  it("is the system with each part, the versions and what to mind", async () => {
    const system = await get<System>("/system");
    expect(system.state).to.equal("ok");
    expect(system.checks.map(({ name }) => name)).to.have.members([
      ...["engine", "registry", "database", "tunnel", "disk", "forge"],
    ]);
    for (const { ok, fix } of system.checks) expect(fix === null).to.equal(ok);
    expect(system.checks.find(({ name }) => name === "forge")).to.include({ ok: true });
    expect(system.versions).to.include({ node: process.versions.node });
    expect(system.versions.engine).to.match(/^\d+\./);
    expect(system.versions.git).to.match(/^\d+\./);
    expect(system.warnings.map(({ code }) => code)).to.include.members(["no_retention", "git_without_tls"]);
    expect(system.setup).to.include({ payloadUrl: null, webhookSecretFile: null, caUrl: "/api/v1/ca.crt" });
  });

  it("is the deliveries by event and by words", async () => {
    const find = async (query: string) =>
      (await get<{ deliveries: { name: string }[]; next: number | null }>(`/deliveries?${query}`)).deliveries;
    await ci.deliver({ event: "ping", payload: { zen: "z", hook_id: 1 } });
    const pings = await find("event=ping");
    expect(pings.map(({ name }) => name))
      .to.include("ping")
      .and.not.include("pull_request");
    expect(await find("q=fix%20the%20cart&verdict=build")).to.have.length(1);
    expect(await find("q=no%20such%20words")).to.deep.equal([]);
    expect(await find("event=pull_request&verdict=build")).to.have.length.greaterThan(0);
  });
});

interface ImagePage {
  readonly pull: { readonly docker: string };
  readonly versions: readonly {
    readonly buildId: number;
    readonly digest: string;
    readonly reference: string;
    readonly tags: readonly string[];
    readonly bytes: number;
    readonly bytesBefore: number | null;
    readonly pullRequest: { readonly number: number } | null;
  }[];
  readonly next: number | null;
}

interface System {
  readonly state: string;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly fix: string | null }[];
  readonly versions: Readonly<Record<string, string | null>>;
  readonly warnings: readonly { readonly code: string }[];
  readonly setup: Readonly<Record<string, unknown>>;
}

describe("a long list of what came in", function () {
  this.timeout(60_000);
  let server: ServerTester;
  before(async () => {
    server = await ServerTester.start();
  });
  after(() => server?.stop());

  const read = async (query: string) => (await (await server.api(`/activity?${query}`)).json()) as Page;

  /** Several at the same microsecond; every third delivery has a build, and some builds have no delivery. */
  async function fill(from: number, to: number, repository = "acme/shop"): Promise<void> {
    await server.query(
      `with n as (select n, timestamptz '2026-01-01' + (n / 4) * interval '1 microsecond' as at from generate_series(${from}, ${to}) n),
         builds as (insert into build (repository, trigger, sha, ref, delivery_guid, created_at, started_at, finished_at, attempts, result)
           select '${repository}', case when n % 3 = 0 then 'pull_request' else 'manual' end, md5(n::text), 'main',
             case when n % 3 = 0 then 'guid-' || n end, at, at, at, 1, 'success' from n where n % 3 < 2 order by n
           returning id, delivery_guid)
       insert into delivery (guid, forge, name, repository, received_at, body, body_digest, verdict, reason, rules, build_id, is_origin)
         select 'guid-' || n, 'github', 'pull_request', '${repository}', at, '', '', case when n % 3 = 0 then 'build' else 'skip' end, 'why', '[]',
           b.id, b.id is not null from n left join builds b on b.delivery_guid = 'guid-' || n where n % 3 <> 1 order by n`,
    );
  }

  it("is read page by page without a gap and without a double, while more comes in", async () => {
    await fill(1, 120);
    const all = (await read("limit=100")).items.map(({ id }) => id);
    expect(new Set(all).size).to.equal(100);
    const seen: Item[] = [];
    let next: string | null = null;
    for (let turn = 0; ; turn += 1) {
      const page: Page = await read(`limit=7${next === null ? "" : `&before=${next}`}`);
      seen.push(...page.items);
      next = page.next;
      if (next === null) break;
      await fill(1_000 + turn * 10, 1_003 + turn * 10);
    }
    const ids = seen.map(({ id }) => id);
    expect(ids.slice(0, 100)).to.deep.equal(all);
    expect(new Set(ids).size).to.equal(120);
    expect(ids).to.have.length(120);
    const times = seen.map(({ at }) => at);
    expect(times).to.deep.equal(times.toSorted().toReversed());
    expect(seen.filter(({ delivery, build }) => delivery !== null && build !== null)).to.have.length(40);
  });

  it("goes on with a search beyond what is looked through at once", async () => {
    await fill(100_000, 145_000, "acme/long");
    await server.query(
      "update build set version = 'needle' where id = (select min(id) from build where repository = 'acme/long')",
    );
    let page = await read("q=needle&limit=5");
    let pages = 1;
    const found = [...page.items];
    while (page.next !== null) {
      page = await read(`q=needle&limit=5&before=${page.next}`);
      found.push(...page.items);
      pages += 1;
    }
    expect(found.map(({ build }) => build?.version)).to.deep.equal(["needle"]);
    expect(pages).to.be.within(2, 4);
    const deliveries = (await (await server.api("/deliveries?q=needle")).json()) as { next: number | null };
    expect(deliveries.next).to.be.a("number");
  });

  it("says that a position is none", async () => {
    for (const before of ["1", "x", "1-b", "1-c2", "2-b3-4"])
      expect((await server.api(`/activity?before=${before}`)).status, before).to.equal(400);
    expect((await server.api("/images?before=1")).status).to.equal(400);
  });

  it("waits behind those of its repository that were asked for before", async () => {
    const ask = async (version1: string) =>
      (
        (await (
          await server.post("/images", { service: "acme/shop/shop", version: version1, type: "docker" })
        ).json()) as {
          build: number;
        }
      ).build;
    const ids = [await ask("1.0.0"), await ask("1.0.1"), await ask("1.0.2")];
    const last = (await (await server.api(`/builds/${ids[2]}`)).json()) as {
      queuedAhead: number | null;
      stage: string;
    };
    expect(last).to.include({ stage: "queued", queuedAhead: 2 });
    const { builds } = (await (await server.api("/builds?state=queued")).json()) as { builds: { id: number }[] };
    expect(builds.map(({ id }) => id)).to.include(ids[2]);
    for (const id of ids) await server.api(`/builds/${id}/cancel`, { method: "POST" });
  });
});
