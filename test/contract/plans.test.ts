// What core/ports/store.ts promises of plans: what is recorded of one, and what the next builds find of it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import type { AttemptKey, Build, BuildRequest, Image } from "../../ci-server/core/build.ts";
import type { PlanRecord, Store } from "../../ci-server/core/ports.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { fails } from "../helpers/failure.ts";

const digest = `sha256:${"d".repeat(64)}`;

describe("Store on PostgreSQL, of plans", () => {
  let folder: string;
  let opened: OpenPostgres;
  let store: Store;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "plans-"));
    opened = await openPostgres(examplePostgres(folder));
    store = opened.store;
  });
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  type Asked = Partial<Pick<BuildRequest, "sha" | "service" | "pullRequest">>;

  function request(repository: string, ref: string, asked: Asked = {}): Promise<number> {
    const rest = { sha: null, service: null, version: null, pullRequest: null, deliveryGuid: null } as const;
    return store.request({ repository, trigger: "manual", ref, ...rest, ...asked }, null);
  }

  async function begin(
    repository = "acme/shop",
    ref = "main",
    asked: Asked = {},
  ): Promise<{ build: Build; at: AttemptKey }> {
    const id = await request(repository, ref, asked);
    const build = await store.begin(id);
    if (build === null) throw new Error("it was not begun");
    return { build, at: { buildId: id, attempt: build.attempts } };
  }

  function record(change: Partial<PlanRecord> = {}): PlanRecord {
    const services = [{ service: "base", verdict: "build", reason: "r" }] as const;
    return { services, rule: null, refusal: null, setting: null, ...change };
  }

  function image(service: string, path = `acme/shop/${service}`): Image {
    const none = { fixedTags: [], key: null, reusedFrom: null, bases: [], destinations: [], attestations: [] };
    return { service, reference: `r/${path}@${digest}`, path, digest, tags: ["t"], bytes: 1, imageId: "i", ...none };
  }

  async function end(at: AttemptKey, images: readonly Image[]): Promise<void> {
    const why = { kind: "step", service: null, step: null, lastLines: [], hint: null } as const;
    const failure = images.length > 0 ? null : ({ code: "build_failed", message: "no", ...why } as const);
    await store.finish(at, { result: failure === null ? "success" : "failure", failure, images });
  }

  /** Builds whose images a build that begins now finds; it ends with nothing to do. */
  async function buildsFound(repository: string, ref = "main"): Promise<number[]> {
    const { build, at } = await begin(repository, ref);
    const found = await store.serviceImages(build, ["base", "x"]);
    await store.finish(at, { result: "skip", failure: null, images: [] });
    return found.map(({ buildId }) => buildId);
  }

  it("shows a plan with its build, and why nothing is built, until another attempt has begun", async () => {
    const { at } = await begin();
    const services = [{ service: "base", verdict: "skip", reason: "it was missed" }] as const;
    await store.recordPlan(at, record({ services, refusal: "nothing to do" }));
    expect(await store.build(at.buildId)).to.deep.include({ plan: services, skipReason: "nothing to do" });
    await store.begin(at.buildId);
    await fails(store.recordPlan(at, record()), "conflict", "was taken over");
    await end({ ...at, attempt: 2 }, []);
  });

  it("finds the image that the branch has of a service, and none where a later build left it behind", async () => {
    const find = (ref: string) => buildsFound("acme/shop", ref);
    const first = await begin();
    await store.recordPlan(first.at, record());
    expect(await find("main")).to.deep.equal([]);
    await end(first.at, [image("base")]);
    expect(await find("main")).to.deep.equal([first.at.buildId]);
    expect(await find("release/1")).to.deep.equal([]);
    expect(await store.serviceImages(first.build, ["base"])).to.deep.equal([]);
    const other = await begin();
    await store.recordPlan(other.at, record({ services: [{ service: "base", verdict: "skip", reason: "r" }] }));
    await end(other.at, []);
    expect(await find("main")).to.deep.equal([first.at.buildId]);
    const removed = "update image set removed_at = $2 where build_id = $1";
    await opened.pool.query(removed, [first.at.buildId, new Date()]);
    expect(await find("main")).to.deep.equal([]);
    await opened.pool.query(removed, [first.at.buildId, null]);
    const failed = await begin();
    await store.recordPlan(failed.at, record());
    await end(failed.at, []);
    expect(await find("main")).to.deep.equal([]);
  });

  it("finds the image of the newest commit, also after an older one was built again", async () => {
    const build = async (sha: string) => {
      const { at } = await begin("acme/again", "main", { sha });
      await store.recordPlan(at, record());
      await end(at, [image("base", "acme/again/base")]);
      return at.buildId;
    };
    await build("1".repeat(40));
    const newest = await build("2".repeat(40));
    await build("1".repeat(40));
    expect(await buildsFound("acme/again")).to.deep.equal([newest]);
    const again = await build("2".repeat(40));
    expect(await buildsFound("acme/again")).to.deep.equal([again]);
  });

  it("finds for a commit that is built again what it had then, and not what was made of later ones", async () => {
    const found = async (sha: string, builds: readonly ("build" | "skip")[] = ["skip"]) => {
      const { build, at } = await begin("acme/then", "main", { sha: sha.repeat(40) });
      const images = await store.serviceImages(build, ["base"]);
      const [verdict = "skip"] = builds;
      await store.recordPlan(at, record({ services: [{ service: "base", verdict, reason: "r" }] }));
      await end(at, verdict === "build" ? [image("base", "acme/then/base")] : []);
      return [at.buildId, images.map(({ buildId }) => buildId)] as const;
    };
    const [base] = await found("1", ["build"]);
    expect((await found("2"))[1]).to.deep.equal([base]);
    const [later] = await found("3", ["build"]);
    expect((await found("2"))[1]).to.deep.equal([base]);
    // Of its own base, which was made anew meanwhile: because that one's own base has changed, say.
    const [anew] = await found("1", ["build"]);
    expect((await found("2"))[1]).to.deep.equal([anew]);
    expect((await found("4"))[1]).to.deep.equal([later]);
  });

  it("finds no image where a later build was not planned and may have been to make one, until one is made", async () => {
    const make = async () => {
      const { at } = await begin("acme/early");
      await store.recordPlan(at, record());
      await end(at, [image("base", "acme/early/base")]);
      return at.buildId;
    };
    const first = await make();
    const another = await begin("acme/early", "main", { service: "web" });
    await end(another.at, []);
    await end((await begin("acme/early", "release/1")).at, []);
    expect(await buildsFound("acme/early")).to.deep.equal([first]);
    const running = await begin("acme/early");
    expect(await buildsFound("acme/early")).to.deep.equal([]);
    await end(running.at, []);
    expect(await buildsFound("acme/early")).to.deep.equal([]);
    const second = await make();
    expect(await buildsFound("acme/early")).to.deep.equal([second]);
    await store.cancel(await request("acme/early", "main"), "no");
    expect(await buildsFound("acme/early")).to.deep.equal([]);
  });

  it("knows of which repositories a service was built", async () => {
    const { at } = await begin("acme/elsewhere");
    await end(at, [image("web", "acme/elsewhere/web")]);
    expect(await store.repositoriesWith("web")).to.deep.equal(["acme/elsewhere"]);
    expect(await store.repositoriesWith("none")).to.deep.equal([]);
  });

  it("knows what the newest merge's delivery said of a repository, whatever was asked for by hand since", async () => {
    const said = async (description: string | null) => {
      const about = description === null ? {} : { repository: { description, license: "MIT" } };
      const pullRequest = { number: 1, title: "t", url: "u", author: "ada", mergedBy: null, ...about };
      await request("acme/described", "main", { pullRequest });
    };
    expect(await store.repositoryAbout("acme/described")).to.equal(null);
    for (const description of ["older", "newer", null]) await said(description);
    await request("acme/described", "main");
    expect(await store.repositoryAbout("Acme/Described")).to.deep.equal({ description: "newer", license: "MIT" });
    expect(await store.repositoryAbout("acme/undescribed")).to.equal(null);
  });

  it("remembers what the latest commit says of concurrency, in whatever order they are planned", async () => {
    const say = async (concurrency: "supersede" | "parallel" | null, second: number) => {
      const { at } = await begin("acme/Setting");
      const committedAt = new Date(Date.UTC(2026, 0, 1, 0, 0, second));
      await store.recordPlan(at, record({ setting: { concurrency, committedAt } }));
      const sql = "select repository, concurrency from repository_setting";
      return (await opened.pool.query(sql)).rows;
    };
    expect(await say("supersede", 5)).to.deep.equal([{ repository: "acme/setting", concurrency: "supersede" }]);
    expect(await say("parallel", 4)).to.deep.equal([{ repository: "acme/setting", concurrency: "supersede" }]);
    expect(await say(null, 6)).to.deep.equal([{ repository: "acme/setting", concurrency: null }]);
  });
});
