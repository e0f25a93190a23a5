// Pruning as an operator sees it: what goes, what stays and why, asked for by the API and by the command.

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { pino } from "pino";
import { createApp } from "../../ci-server/app.ts";
import { loadConfig } from "../../ci-server/config.ts";
import type { AreaReport, PruneItem } from "../../ci-server/core/prune.ts";
import { archive } from "../helpers/archive.ts";
import { runImage } from "../helpers/engine-images.ts";
import { engineObjects } from "../helpers/engine-objects.ts";
import { root } from "../helpers/folders.ts";
import { useLab } from "../helpers/lab.ts";
import { proxyRegistry } from "../helpers/lab-proxies.ts";
import { callRegistry, emptyRegistry, type ManifestBody, registryTags } from "../helpers/registry-calls.ts";
import { adminToken, type FinishedBuild, labEnvironment, Tester, type TesterOptions } from "../helpers/tester.ts";
import { pushTinyImage } from "../helpers/tiny-image.ts";

const run = promisify(execFile);

describe("pruning", function () {
  this.timeout(120_000);
  let ci: Tester;
  const logged: string[] = [];

  async function start(options: TesterOptions): Promise<void> {
    ci = await Tester.start({ onLog: (line) => logged.push(line), ...options });
  }
  before(useLab);
  beforeEach(() => {
    logged.length = 0;
  });
  afterEach(async () => {
    await ci.stop();
    await emptyRegistry(ci.lab, "acme/shop");
  });

  async function merged(count: number): Promise<FinishedBuild[]> {
    const builds: FinishedBuild[] = [];
    for (let index = 0; index < count; index += 1) {
      const { verdict } = await ci.merge({ message: `prune ${Math.random()}` });
      const build = await ci.finished(verdict.build);
      expect(build.result, build.log).to.equal("success");
      builds.push(build);
    }
    return builds;
  }

  async function asked(version: string): Promise<FinishedBuild> {
    const answer = await ci.post("/images", { service: "shop", version, type: "docker" });
    const { build } = (await answer.json()) as { build: number };
    return ci.finished(build);
  }

  async function prune(dryRun: boolean): Promise<Record<AreaReport["area"], AreaReport>> {
    const answer = await ci.post("/prune", { dry_run: dryRun });
    const report = (await answer.json()) as { dry_run: boolean; areas: AreaReport[] };
    expect([answer.status, report.dry_run], JSON.stringify(report)).to.deep.equal([200, dryRun]);
    return Object.fromEntries(report.areas.map((area) => [area.area, area])) as Record<AreaReport["area"], AreaReport>;
  }

  function gone(area: AreaReport): string[] {
    expect(area.items.filter(({ problem }) => problem !== null)).to.deep.equal([]);
    return area.items.filter(({ verdict }) => verdict === "remove").map(({ what }) => what);
  }

  function about(area: AreaReport, word: string): PruneItem | undefined {
    return area.items.find(({ what }) => what.includes(word));
  }

  async function manifestOf(digest: string): Promise<ManifestBody> {
    const { text } = await callRegistry(ci.lab, "GET", `acme/shop/manifests/${digest}`);
    return { mediaType: (JSON.parse(text) as { mediaType: string }).mediaType, text };
  }

  function digestOf(build: FinishedBuild | undefined): string {
    return build?.images[0]?.digest ?? "";
  }

  /** Everything that a prune could touch. */
  async function everything(): Promise<unknown> {
    const { stdout: folders } = await run("find", [join(ci.folder, "state/git"), "-maxdepth", "4"]);
    const tables = ["image", "build", "log_chunk", "running_image"].map((table) =>
      ci.query(`select * from ${table} order by 1, 2, 3`),
    );
    return {
      engine: (await engineObjects(ci.lab.docker)).sort(),
      registry: [await registryTags(ci.lab, "acme/shop"), await registryTags(ci.lab, "acme/strange")],
      folders: folders.split("\n").sort(),
      tables: await Promise.all(tables),
    };
  }

  describe("of the registry", () => {
    it("keeps the last two, versions, what runs and what is a stranger's; a dry run says so and touches nothing", async () => {
      await start({ file: { retention: { keep_last: 2, younger_than_days: 0 } } });
      const version = await asked("1.0.0");
      const [running, held, old, last, newest] = await merged(5);
      const strange = await pushTinyImage(ci.lab, "acme/strange", "latest");
      const beside = await pushTinyImage(ci.lab, "acme/shop", "theirs");
      await callRegistry(ci.lab, "PUT", "acme/shop/manifests/held", await manifestOf(digestOf(held)));
      const container = await ci.lab.docker.createContainer({
        Image: `${ci.lab.registry.host}/acme/shop:build-${running?.id}`,
        name: "shop-web",
      });
      try {
        const before = await everything();
        const { registry: plan } = await prune(true);
        expect(await everything(), "after a dry run").to.deep.equal(before);
        const removed = `acme/shop@${digestOf(old)} (build ${old?.id}; `;
        expect(gone(plan)).to.have.length(1);
        expect(gone(plan)[0]).to.satisfy((what: string) => what.startsWith(removed));
        expect(about(plan, digestOf(old))?.reason).to.equal(
          "not younger than 0 days, and not among the last 2 of shop on main",
        );
        const reasons = [version, running, held, last, newest].map((build) => about(plan, digestOf(build))?.reason);
        expect(reasons).to.deep.equal([
          "1.0.0 is a version",
          "container shop-web (stopped) uses it",
          "no build has put the tag held on it",
          "among the last 2 of shop on main",
          "among the last 2 of shop on main",
        ]);

        const { registry: done } = await prune(false);
        expect(gone(done)).to.deep.equal(gone(plan));
        const left = Object.values(await registryTags(ci.lab, "acme/shop"));
        expect(left).to.not.include(digestOf(old));
        for (const build of [version, running, held, last, newest]) expect(left).to.include(digestOf(build));
        expect([left.includes(beside), await registryTags(ci.lab, "acme/strange")]).to.deep.equal([
          true,
          { latest: strange },
        ]);
        expect((await callRegistry(ci.lab, "GET", `acme/shop/manifests/${digestOf(old)}`)).status).to.equal(404);
        expect(await ci.run(newest?.images[0]?.reference ?? "")).to.contain("prune 0.");
      } finally {
        await container.remove({ force: true });
      }

      const removedAt = async (build: FinishedBuild | undefined) =>
        ((await ci.build(build?.id ?? 0)).images[0] as { removedAt?: string | null }).removedAt;
      expect(await removedAt(old)).to.match(/^\d{4}-\d\d-\d\dT/);
      expect(await removedAt(last)).to.equal(null);
      const line = logged
        .map((text) => JSON.parse(text))
        .find(({ msg, area }) => msg === "pruned" && area === "registry");
      expect(line).to.deep.include({ removed: 1, failed: 0 });
      expect(line.items[0].what).to.contain(digestOf(old));
      // The container is gone by now.
      expect(gone((await prune(false)).registry).join()).to.contain(digestOf(running));
      expect(gone((await prune(false)).registry)).to.deep.equal([]);
    });

    it("removes nothing until the operator says how many images are kept", async () => {
      await start({});
      const builds = await merged(2);
      const { registry } = await prune(false);
      expect([registry.removed, registry.kept]).to.deep.equal([0, 2]);
      expect(about(registry, digestOf(builds[0]))?.reason).to.equal(
        "retention is not configured: images stay in the registry",
      );
    });

    it("removes what an attempt has pushed that became no image, an hour after its build has ended", async () => {
      await start({});
      const [build] = await merged(1);
      const digest = digestOf(build);
      // As it is when the build fails right after its push.
      await ci.query("delete from image; update build set result = 'error'");
      const [other] = await merged(1);
      for (const tag of build?.images[0]?.tags ?? [])
        await callRegistry(ci.lab, "PUT", `acme/shop/manifests/${tag}`, await manifestOf(digestOf(other)));
      expect(gone((await prune(false)).registry)).to.deep.equal([]);
      await ci.query("update build set finished_at = now() - interval '2 hours'");
      expect(gone((await prune(false)).registry)).to.deep.equal([
        `acme/shop@${digest} (build ${build?.id}; build-${build?.id})`,
      ]);
      expect(Object.values(await registryTags(ci.lab, "acme/shop")))
        .to.include(digestOf(other))
        .and.not.include(digest);
    });

    it("leaves image and history as they are where the registry removes nothing, and says what to set", async () => {
      const folder = await mkdtemp(join(tmpdir(), "prune-"));
      const refused = { status: 405, body: Buffer.from("{}") };
      const { proxy, env } = await proxyRegistry(await useLab(), folder, ({ method }) =>
        method === "DELETE" ? refused : null,
      );
      try {
        await start({ file: { retention: { keep_last: 1, younger_than_days: 0 } }, env });
        const [old] = await merged(2);
        const { registry } = await prune(false);
        expect(registry).to.include({ removed: 0, failed: 1, kept: 1 });
        expect(about(registry, digestOf(old))?.problem).to.contain("REGISTRY_STORAGE_DELETE_ENABLED=true");
        expect((await ci.build(old?.id ?? 0)).images[0]).to.include({ removedAt: null });
      } finally {
        await proxy.stop();
        await rm(folder, { recursive: true });
      }
    });

    it("removes a tag under the lock of all tags of its image: a build that is to put one waits for it", async () => {
      const folder = await mkdtemp(join(tmpdir(), "prune-"));
      const events: string[] = [];
      const [removing, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const { proxy, env } = await proxyRegistry(await useLab(), folder, async ({ method, path }) => {
        if (method === "PUT" && /\/manifests\/(?:pr|sha|build)-/.test(path)) events.push("tagged");
        if (method !== "DELETE" || events.includes("removing")) return null;
        events.push("removing");
        removing.resolve();
        await goOn.promise;
        events.push("removed");
        return null;
      });
      try {
        await start({ file: { retention: { keep_last: 1, younger_than_days: 0 } }, env });
        await merged(2);
        events.length = 0;
        const pruning = prune(false);
        await removing.promise;
        const sql = "select pg_try_advisory_xact_lock(hashtextextended('tags of acme/shop', 7310004)) as free";
        expect(await ci.query(sql)).to.deep.equal([{ free: false }]);
        const { verdict } = await ci.merge({ message: `beside ${Math.random()}` });
        // What is pushed has to be proven before it is tagged: it is about to ask for the lock.
        await ci.logged(verdict.build, "digest: sha256:");
        goOn.resolve();
        expect((await ci.finished(verdict.build)).result).to.equal("success");
        expect((await pruning).registry).to.include({ removed: 1, failed: 0 });
        expect(events.slice(0, 3)).to.deep.equal(["removing", "removed", "tagged"]);
        expect(await ci.query(sql)).to.deep.equal([{ free: true }]);
      } finally {
        goOn.resolve();
        await proxy.stop();
        await rm(folder, { recursive: true });
      }
    });

    it("leaves everything while it is not known what runs", async () => {
      await start({
        file: { retention: { keep_last: 1, younger_than_days: 0 } },
        env: { MERGEDOCK_ENGINE_HOST: "unix:///run/no-engine.sock" },
      });
      const { registry, engine } = await prune(false);
      expect(registry.notes).to.deep.equal(["nothing is removed while it is not known what runs on the engine"]);
      expect(engine.notes.join()).to.contain(
        "the Docker engine at unix:///run/no-engine.sock did not do GET /images/json",
      );
    });
  });

  describe("of the engine", () => {
    it("T26: a stranger's image survives, also one that bears our label or is ours by another name", async () => {
      await start({ limits: { engine_images_max: 0 } });
      const [first, second, ...newest] = await merged(4);
      const { docker, registry } = ci.lab;
      const shop = `${registry.host}/acme/shop`;
      const names = ["stranger/app:1", "stranger/derived:1", `${shop}:mine`, "stranger/other:1"];
      await docker.getImage(`${shop}:build-${first?.id}`).tag({ repo: "stranger/app", tag: "1" });
      const container = await docker.createContainer({ Image: `${shop}:build-${newest[0]?.id}` });
      for (const name of names.slice(1, 3)) {
        const [repo, tag] = [name.slice(0, name.lastIndexOf(":")), name.slice(name.lastIndexOf(":") + 1)];
        await container.commit({ repo, tag, comment: name });
      }
      await container.remove();
      const empty = await docker.importImage(archive(ci.repository.folder, "main"), {
        repo: "stranger/other",
        tag: "1",
      });
      for await (const _progress of empty);
      try {
        const before = await everything();
        const { engine: plan } = await prune(true);
        expect(await everything(), "after a dry run").to.deep.equal(before);
        const removed = [second, first].map((build) => `${shop}:build-${build?.id}`);
        expect(gone(plan).map((what) => removed.find((name) => what.includes(name)))).to.deep.equal(removed);
        const { engine: done } = await prune(false);
        expect(gone(done)).to.deep.equal(gone(plan));
        expect(done.notes.join()).to.contain("engine.dedicated");
        const left = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
        const ours = newest.map(({ id }) => `${shop}:build-${id}`);
        expect(left.filter((name) => name.startsWith(shop) || name.startsWith("stranger"))).to.have.members([
          ...ours,
          ...names,
        ]);
        expect(await runImage(ci.lab, "stranger/app:1")).to.contain("prune 0.");
      } finally {
        for (const name of names) await docker.getImage(name).remove({ force: true });
      }
    });

    it("prunes the build cache of an engine that is ours alone", async () => {
      await start({ file: { engine: { dedicated: true } }, limits: { engine_cache_bytes_max: 1 } });
      // What the first stage makes is in no image: it is cache and nothing else.
      const work = ["FROM scratch AS work", "COPY busybox /sh", `RUN ["/sh", "sh", "-c", "echo ${randomUUID()} > /x"]`];
      const Dockerfile = [...work, "FROM scratch", "COPY --from=work /x /x", ""].join("\n");
      await ci.finished((await ci.merge({ files: { Dockerfile } })).verdict.build);
      const { engine: plan } = await prune(true);
      expect(about(plan, "build cache")?.verdict).to.equal("remove");
      const { engine: done } = await prune(false);
      expect(about(done, "build cache")?.bytes).to.be.greaterThan(0);
      expect(about((await prune(true)).engine, "build cache")?.what).to.not.equal(about(plan, "build cache")?.what);
    });
  });

  describe("of what lies in the state folder and the database", () => {
    it("removes mirror and worktree of a repository that is not configured any more, and no others", async () => {
      await start({});
      await merged(1);
      const git = join(ci.folder, "state/git");
      await cp(join(git, "worktrees/acme/shop"), join(git, "worktrees/acme/gone"), { recursive: true });
      await cp(join(git, "mirrors/acme/shop.git"), join(git, "mirrors/acme/gone.git"), { recursive: true });
      const { folders: plan } = await prune(true);
      expect(gone(plan)).to.deep.equal(["worktree worktrees/acme/gone", "mirror mirrors/acme/gone.git"]);
      expect(existsSync(join(git, "worktrees/acme/gone"))).to.equal(true);
      expect(gone((await prune(false)).folders)).to.deep.equal(gone(plan));
      expect(existsSync(join(git, "worktrees/acme/gone")) || existsSync(join(git, "mirrors/acme/gone.git"))).to.equal(
        false,
      );
      await merged(1);
    });

    it("removes old logs with their steps; the build stays and says when", async () => {
      await start({});
      const [old, young] = await merged(2);
      await ci.query(`update build set finished_at = now() - interval '91 days' where id = ${old?.id}`);
      // What was reused has none.
      const steps = `(${old?.id}, 'shop', '[]'), (${young?.id}, 'shop', '[]')`;
      await ci.query(`insert into build_step values ${steps} on conflict do nothing`);
      const { logs: plan } = await prune(true);
      expect(gone(plan)).to.deep.equal([`log of build ${old?.id} of acme/shop`]);
      expect((await ci.build(old?.id ?? 0)) as object).to.include({ logRemovedAt: null });
      expect(gone((await prune(false)).logs)).to.deep.equal(gone(plan));
      const { logRemovedAt } = (await ci.build(old?.id ?? 0)) as unknown as { logRemovedAt: string };
      const log = await ci.finished(old?.id ?? 0);
      expect(log).to.include({ result: "success" });
      expect(log.log).to.equal(
        `the log of build ${old?.id} was removed for its age on ${logRemovedAt} (limits.log_days_max)\n`,
      );
      expect((await ci.finished(young?.id ?? 0)).log).to.contain("success");
      expect(await ci.query("select distinct build_id::int as id from build_step")).to.deep.equal([{ id: young?.id }]);
      expect(gone((await prune(false)).logs)).to.deep.equal([]);
    });
  });

  it("is not for a process that only receives, which says so", async () => {
    await start({});
    const folder = join(ci.folder, "receiver");
    const postgres = `postgresql://mergedock@localhost/postgres?host=${join(ci.folder, "state/postgres")}`;
    const environment = { ...labEnvironment(ci.lab, folder), MERGEDOCK_ROLE: "receiver", DATABASE_URL: postgres };
    const receiver = await createApp(loadConfig({ env: environment, folder: ci.folder }), pino({ level: "silent" }));
    try {
      const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
      const answer = await fetch(`${receiver.apiUrl}/prune`, { method: "POST", headers, body: '{"dry_run":true}' });
      expect(answer.status).to.equal(501);
      expect(((await answer.json()) as { detail: string }).detail).to.contain("role receiver");
    } finally {
      await receiver.stop();
    }
  });

  it("refuses what it does not know, and whoever has no token", async () => {
    await start({});
    expect((await ci.post("/prune", { dry: true })).status).to.equal(400);
    expect((await fetch(`${ci.app.apiUrl}/prune`, { method: "POST" })).status).to.equal(401);
  });

  it("begins with the server", async () => {
    await start({});
    const areas = () =>
      logged.map((line) => JSON.parse(line)).flatMap(({ area, msg }) => (msg === "nothing to prune" ? [area] : []));
    while (areas().length < 4) await prune(true);
    expect(areas()).to.include.members(["registry", "engine", "folders", "logs"]);
  });

  describe("by the command", () => {
    async function command(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
      const env = {
        PATH: process.env.PATH,
        MERGEDOCK_STATE_DIR: "state",
        MERGEDOCK_LISTEN_API: new URL(ci.app.apiUrl).host,
      };
      const child = run(process.execPath, [join(root, "ci-server/main.ts"), "prune", ...args], { cwd: ci.folder, env });
      return child.then(
        (output) => ({ code: 0, ...output }),
        (error) => error as { code: number; stdout: string; stderr: string }, // node:child_process has them on its error
      );
    }

    it("lists first, then prunes, as text and as JSON, with exit codes", async () => {
      await start({ file: { retention: { keep_last: 1, younger_than_days: 0 } } });
      const [old, last] = await merged(2);
      const server = ["--server", new URL(ci.app.apiUrl).origin, "--token-file", join(ci.folder, "token")];
      await writeFile(join(ci.folder, "token"), `${adminToken}\n`);
      const plan = await command("--dry-run", ...server);
      expect(plan.code, plan.stderr).to.equal(0);
      expect(plan.stdout).to.match(/^registry: 1 would be removed \(\d+\.\d .iB\), 1 kept$/m);
      expect(plan.stdout).to.contain(`  remove  acme/shop@${digestOf(old)} (build ${old?.id}; `);
      expect(plan.stdout).to.contain(`  keep    acme/shop@${digestOf(last)} (build ${last?.id}; `);
      const done = await command("--json", ...server);
      expect(JSON.parse(done.stdout).areas[0]).to.include({ area: "registry", removed: 1, kept: 1 });
      expect((await command(...server)).stdout).to.contain("registry: 0 removed, 1 kept");

      // Without them: where the configuration says, with the token of the state folder.
      await mkdir(join(ci.folder, "state/secrets"), { recursive: true });
      await writeFile(join(ci.folder, "state/secrets/admin-token"), `${adminToken}\n`);
      expect((await command("--dry-run")).stdout).to.contain("registry: 0 would be removed, 1 kept");

      const wrong = ["--server", new URL(ci.app.apiUrl).origin, "--token-file", join(ci.folder, "mergedock.yml")];
      expect(await command(...wrong))
        .to.include({ code: 3 })
        .and.property("stderr")
        .contains("the server answered 401");
      const nobody = ["--server", "http://127.0.0.1:1", "--token-file", join(ci.folder, "token")];
      expect(await command(...nobody))
        .to.include({ code: 3 })
        .and.property("stderr")
        .contains("no server answers at http://127.0.0.1:1");
      expect(await command("--dry"))
        .to.include({ code: 2 })
        .and.property("stderr")
        .contains("usage: mergedock prune [options]");
      expect(await command("--server", "localhost:1")).to.include({ code: 2 });
    });
  });
});
