// The API: who may ask, what it answers, and images asked for by hand.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { Tester } from "../helpers/tester.ts";

/** A version is never moved: a registry that is left from an earlier run has those of that run. */
const unique = Date.now();

describe("the API", function () {
  this.timeout(60_000);
  let ci: Tester;
  before(async () => {
    ci = await Tester.start();
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  async function problem(response: Response): Promise<{ status: number; detail: string }> {
    expect(response.headers.get("content-type")).to.equal("application/problem+json");
    return (await response.json()) as { status: number; detail: string };
  }

  it("builds a service at a version on request", async () => {
    const tip = await ci.repository.resolve("main");
    const version = `1.4.${unique}`;
    const response = await ci.post("/images", { service: "shop", version, type: "docker" });
    expect(response.status).to.equal(202);
    const location = response.headers.get("location") ?? "";
    expect(location).to.match(/^\/api\/v1\/builds\/\d+$/);
    const build = await ci.finished(Number(location.split("/").at(-1)));
    expect(build, build.log).to.include({
      result: "success",
      trigger: "manual",
      version,
      sha: tip,
      pullRequest: null,
    });
    expect(await ci.run(`${ci.lab.registry.host}/acme/shop:${version}`)).to.equal("hello from the first commit\n");
  });

  it("builds another ref, and says so when there is none", async () => {
    await ci.repository.commit({ branch: "next", files: { "message.txt": "next\n" }, message: "next" });
    const version = `next-${unique}`;
    const asked = await ci.post("/images", { service: "acme/shop/shop", version, type: "docker", ref: "next" });
    const build = await ci.finished(((await asked.json()) as { build: number }).build);
    expect(await ci.run(build.images[0]?.reference ?? "")).to.equal("next\n");
    const none = await ci.post("/images", { service: "shop", version: "1", type: "docker", ref: "none" });
    const failed = await ci.finished(((await none.json()) as { build: number }).build);
    const message = "acme/shop has no refs/tags/none; a branch, a tag, or a commit with all of its digits can be built";
    expect(failed).to.include({ result: "failure" });
    expect(failed.failure).to.deep.equal({
      ...{ code: "not_found", message, kind: "git", service: null, step: null, lastLines: [] },
      hint: "ask for a branch, a tag or a commit that the repository has",
    });
  });

  const refused: [string, unknown, number, string][] = [
    [
      "type ami",
      { service: "shop", version: "1", type: "ami" },
      501,
      'images of type "ami" cannot be built yet; ask for type "docker"',
    ],
    ["an unknown type", { service: "shop", version: "1", type: "zip" }, 400, 'expected one of "docker"|"ami"'],
    [
      "an unknown service",
      { service: "cart", version: "1", type: "docker" },
      404,
      'service "cart" is not known; there are: shop (of acme/shop), or one that its .mergedock.yml names, as acme/shop/<service>',
    ],
    [
      "a version like a tag of a build",
      { service: "shop", version: "build-7", type: "docker" },
      400,
      'version "build-7" begins like a tag that builds get by themselves',
    ],
    [
      "a version that is none",
      { service: "shop", version: "latest", type: "docker" },
      400,
      'version "latest" names no content for ever',
    ],
    [
      "a version that is no tag",
      { service: "shop", version: "a b", type: "docker" },
      400,
      'version "a b" cannot be a tag',
    ],
    ["a missing version", { service: "shop", type: "docker" }, 400, "at version"],
    ["an unknown field", { service: "shop", version: "1", type: "docker", tag: "x" }, 400, 'Unrecognized key: "tag"'],
    ["no object", [], 400, "expected object"],
  ];
  for (const [what, body, status, message] of refused) {
    it(`answers ${what} with ${status} and says why`, async () => {
      const response = await ci.post("/images", body);
      expect(response.status).to.equal(status);
      expect((await problem(response)).detail).to.contain(message);
    });
  }

  it("takes JSON only, of a bounded size", async () => {
    const form = await ci.api("/images", {
      method: "POST",
      body: "service=shop",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(form.status).to.equal(415);
    const json = { "content-type": "application/json" };
    expect((await ci.api("/images", { method: "POST", body: "{", headers: json })).status).to.equal(400);
    expect(
      (await ci.api("/images", { method: "POST", body: `"${"x".repeat(100_000)}"`, headers: json })).status,
    ).to.equal(413);
  });

  it("gives editors the JSON Schema of .mergedock.yml, without a token", async () => {
    const response = await fetch(`${ci.app.apiUrl}/mergedock.schema.json`);
    expect(response.status).to.equal(200);
    expect(response.headers.get("content-type")).to.equal("application/schema+json");
    const committed = await readFile(join(import.meta.dirname, "../../docs/mergedock.schema.json"), "utf8");
    expect(await response.json()).to.deep.equal(JSON.parse(committed));
    expect((await fetch(`${ci.app.apiUrl}/mergedock.schema.json`, { method: "POST" })).status).to.equal(401);
  });

  it("asks for the token everywhere but for health and the schema", async () => {
    const { origin } = new URL(ci.app.apiUrl);
    for (const authorization of ["", "Bearer wrong", "Basic abc", "Bearer "]) {
      const response = await fetch(`${origin}/api/v1/builds`, { headers: { authorization } });
      expect(response.status, authorization).to.equal(401);
      expect((await problem(response)).detail).to.contain('send "Authorization: Bearer <admin token>"');
    }
    expect((await fetch(`${origin}/healthz`)).status).to.equal(200);
  });

  it("lists builds, and says what a query may be", async () => {
    await ci.finished((await ci.merge({ message: "listed" })).verdict.build);
    const { builds, next } = (await (await ci.api("/builds?repository=acme/shop&limit=1")).json()) as {
      builds: { id: number; result: string }[];
      next: number;
    };
    expect(builds).to.have.length(1);
    expect(builds[0]).to.include({ result: "success" });
    expect(next).to.equal(builds[0]?.id);
    const bad = await ci.api("/builds?limit=1000");
    expect(bad.status).to.equal(400);
    expect((await problem(bad)).detail).to.contain("at limit");
  });

  it("answers 404 with a way on for what is not there", async () => {
    for (const path of ["/builds/999999", "/builds/x", "/builds/-1", "/builds/999999/log", "/nothing"]) {
      expect((await ci.api(path)).status, path).to.equal(404);
    }
    expect((await problem(await ci.api("/builds/7777"))).detail).to.equal(
      "there is no build 7777; the list of builds has those that there are",
    );
    expect((await ci.api("/builds", { method: "DELETE" })).status).to.equal(405);
  });

  it("gives a log as a whole, from a line on, and while it grows", async () => {
    const { verdict } = await ci.merge({ message: "followed" });
    const followed = await (await ci.api(`/builds/${verdict.build}/log?follow=true`)).text();
    const whole = await (await ci.api(`/builds/${verdict.build}/log`)).text();
    expect(followed).to.equal(whole);
    const rest = await (await ci.api(`/builds/${verdict.build}/log?after=2`)).text();
    expect(rest).to.equal(whole.split("\n").slice(2).join("\n"));
  });

  it("says whether all that it needs can be used", async () => {
    const { origin } = new URL(ci.app.apiUrl);
    const response = await fetch(`${origin}/readyz`);
    expect(response.status).to.equal(200);
    const { ready, checks } = (await response.json()) as {
      ready: boolean;
      checks: Record<string, { ok: boolean; detail: string }>;
    };
    expect(ready).to.equal(true);
    expect(Object.keys(checks)).to.deep.equal(["engine", "registry", "database"]);
    expect(checks.engine?.detail).to.match(/^Docker \d+/);
  });

  it("says which part cannot be used, and why", async () => {
    const other = await Tester.start({ env: { MERGEDOCK_ENGINE_HOST: "unix:///nowhere.sock" } });
    const response = await fetch(`${new URL(other.app.apiUrl).origin}/readyz`);
    expect(response.status).to.equal(503);
    const { checks } = (await response.json()) as { checks: Record<string, { ok: boolean; detail: string }> };
    expect(checks.engine)
      .to.include({ ok: false })
      .and.have.property("detail")
      .that.contains("unix:///nowhere.sock cannot be reached");
    expect(checks.database).to.include({ ok: true });
    await other.stop();
  });
});
