// The command line against a server that runs: what it prints where, and which exit code it ends with.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import type { Finding } from "../../ci-server/cli/findings.ts";
import { startCuttingProxy } from "../helpers/cutting-proxy.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type CommandEnd, mainFile, runMergedock, startMergedock } from "../helpers/mergedock.ts";
import { startOtherRegistry } from "../helpers/other-registry.ts";
import { adminToken, type FinishedBuild, labEnvironment, Tester } from "../helpers/tester.ts";

const base = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
`;
/** The registry keeps what an earlier run has put into it. */
const unique = Date.now();
const escapes = new RegExp(`${"\u001b"}\\[[?\\d;]*[A-Za-z]`, "g");

/** Processes side by side: each takes its time to begin. */
async function each<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  await Promise.all(all.map(work));
}

describe("the command line", function () {
  this.timeout(120_000);
  let ci: Tester;
  /** Of somebody with nothing but a token. */
  let folder: string;
  let env: Record<string, string>;
  let built: FinishedBuild;
  let failed: FinishedBuild;
  let guid: string;

  before(async () => {
    ci = await Tester.start();
    folder = await mkdtemp(join(tmpdir(), "cli-"));
    env = { MERGEDOCK_SERVER: new URL(ci.app.apiUrl).origin, MERGEDOCK_TOKEN: adminToken };
    const merge = await ci.merge({
      message: `cli ${Math.random()}`,
      title: "Sell \u001b]0;taken\u0007\u001b[31mred\u202e hats",
    });
    guid = merge.verdict.delivery;
    built = await ci.finished(merge.verdict.build);
    const bad = `${base}RUN echo cli-${Math.random()} && sleep 0.2 && echo bad news && exit 3\n`;
    failed = await ci.finished((await ci.merge({ files: { Dockerfile: bad } })).verdict.build);
    await ci.merge({
      files: { Dockerfile: `${base}COPY message.txt /app/message.txt\nCMD ["cat", "/app/message.txt"]\n` },
    });
    expect([built.result, failed.result], built.log).to.deep.equal(["success", "failure"]);
  });
  afterEach(() => removeImages(ci.lab));
  after(async () => {
    await ci?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function run(...args: readonly string[]): Promise<CommandEnd> {
    return runMergedock(args, { folder, env });
  }

  async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await run(...args, "--json");
    expect([code, stderr], stdout).to.deep.equal([0, ""]);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  describe("build", () => {
    it("without --follow prints the build's number alone, and on stderr how to go on", async () => {
      const { code, stdout, stderr } = await run("build", "shop", `0.1.${unique}`);
      expect([code, stdout]).to.deep.equal([0, `${Number(stdout)}\n`]);
      expect(stderr).to.contain(`watch it with: mergedock logs ${Number(stdout)} --follow`);
      expect((await ci.finished(Number(stdout))).result).to.equal("success");
      expect((await run("build", "shop", `0.1.${unique}`, "--quiet")).stderr).to.equal("");
    });

    it("with --follow shows each step on stderr, the image on stdout, and ends with 0", async () => {
      const { code, stdout, stderr } = await run("build", "shop", `0.2.${unique}`, "--no-cache", "--follow");
      expect(code, stderr).to.equal(0);
      expect(stdout).to.match(/^\S+\/acme\/shop@sha256:[0-9a-f]{64}\n$/);
      expect(stderr)
        .to.match(/^#1 \[fetch\]$/m)
        .and.to.match(/^#1 \d\.\d{3} fetching main of /m);
      expect(stderr).to.match(/^#1 DONE \d+\.\ds$/m);
      const [, number] = /^#(\d+) \[2\/3\] RUN \["\/bin\/busybox", "--install"/m.exec(stderr) ?? [];
      expect(stderr).to.match(new RegExp(`^#${number} DONE \\d+\\.\\ds$`, "m"));
      expect(stderr).to.match(/^build \d+: success$/m);
    });

    it("says CACHED of a step that was there", async () => {
      const { stderr } = await run("logs", String(built.id), "--follow");
      expect(stderr).to.contain(`build ${built.id}: success`);
      const { stdout } = await run("logs", String(built.id));
      const cached = built.log.split("\n").filter((line) => / CACHED$/.test(line)).length;
      expect(stdout.match(/^#\d+ CACHED$/gm) ?? []).to.have.length(cached);
    });

    it("--progress=quiet prints nothing but the image, --json nothing but the build on stdout", async () => {
      const quiet = await run("rebuild", String(built.id), "--follow", "--progress=quiet", "--quiet");
      expect([quiet.code, quiet.stderr]).to.deep.equal([0, ""]);
      expect(quiet.stdout).to.match(/^\S+@sha256:[0-9a-f]{64}\n$/);
      const { stdout } = await run("rebuild", String(built.id), "--follow", "--json");
      expect(JSON.parse(stdout)).to.include({ result: "success", sha: built.sha });
    });

    it("--progress=rawjson gives the log's own lines and the build, as JSON", async () => {
      const { code, stdout } = await run("rebuild", String(failed.id), "--follow", "--progress=rawjson");
      const lines = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(code).to.equal(1);
      const id = lines[0].build.id as number;
      expect(lines.at(-1).build).to.include({ id, result: "failure" });
      expect(lines.filter((line) => "seq" in line)).to.deep.equal(await ci.lines(id));
    });

    it("ends with 1 when the build has failed, and says the step, its last lines and what to do", async () => {
      const { code, stdout, stderr } = await run("rebuild", String(failed.id), "--follow");
      expect([code, stdout]).to.deep.equal([1, ""]);
      expect(stderr)
        .to.match(/^#\d+ ERROR .*exit code: 3$/m)
        .and.to.match(/^#\d+ \d\.\d{3} bad news$/m);
      expect(stderr).to.contain(failed.failure?.hint ?? "no hint");
    });

    it("ends with 1 when it was cancelled, and with 2 what cannot be asked for", async () => {
      const slow = `${base}RUN echo slow-${Math.random()} && sleep 300\n`;
      const { verdict } = await ci.merge({ files: { Dockerfile: slow } });
      const following = run("logs", String(verdict.build), "--follow");
      await ci.logged(verdict.build, "] RUN echo slow-");
      expect(await run("cancel", String(verdict.build))).to.deep.include({ code: 0, stdout: `${verdict.build}\n` });
      expect(await following)
        .to.include({ code: 1 })
        .and.property("stderr")
        .contains("cancellation");
      expect(await run("cancel", "999999"))
        .to.include({ code: 2 })
        .and.property("stderr")
        .contains("no build 999999");
      expect(await run("build", "nobody", "1.0.0")).to.include({ code: 2 });
      expect(await run("logs", "seven"))
        .to.include({ code: 2 })
        .and.property("stderr")
        .contains('"seven" is no build');
    });

    it("interrupted ends with 130, says that the build goes on, and it does", async () => {
      const slow = `${base}RUN echo on-${Math.random()} && sleep 2\n`;
      const { verdict } = await ci.merge({ files: { Dockerfile: slow } });
      const child = startMergedock(["logs", String(verdict.build), "--follow"], { folder, env });
      let said = "";
      child.stderr.on("data", (text) => {
        said += text;
      });
      await once(child.stdout, "data");
      child.kill("SIGINT");
      expect((await once(child, "close"))[0]).to.equal(130);
      expect(said).to.contain(`build ${verdict.build} goes on; stop it with: mergedock cancel ${verdict.build}`);
      expect((await ci.finished(verdict.build)).result).to.equal("success");
    });
  });

  it("goes on with a log whose connection breaks: nothing is missed and nothing doubled", async () => {
    const proxy = await startCuttingProxy(ci.app.apiUrl, 3, 900);
    const { code, stdout, stderr } = await runMergedock(["logs", String(built.id), "--follow", "--progress=rawjson"], {
      folder,
      env: { ...env, MERGEDOCK_SERVER: proxy.url },
    });
    await proxy.stop();
    expect([code, proxy.cuts], stderr).to.deep.equal([0, 3]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.filter((line) => "seq" in line)).to.deep.equal(await ci.lines(built.id));
  });

  describe("lists", () => {
    it("builds as a table with relative times, as JSON as the API gives it, and as names", async () => {
      const { stdout } = await run("builds", "--result", "failure");
      const [head = "", row = ""] = stdout
        .split("\n")
        .reverse()
        .slice(1)
        .reverse()
        .filter((_line, index, all) => index === 0 || index === all.length - 1);
      expect(head).to.match(/^BUILD +RESULT +REPOSITORY +COMMIT +WHAT +TOOK +WHEN$/);
      expect(row).to.match(
        new RegExp(`^${failed.id} +failure +acme/shop +${failed.sha?.slice(0, 7)} +#2 .+ (?:now|\\d+ (?:s|min) ago)$`),
      );
      const { builds } = (await (await ci.api("/builds?limit=2")).json()) as { builds: unknown[] };
      expect((await json("builds", "--limit", "2")).builds).to.deep.equal(builds);
      expect((await run("builds", "-q", "--limit", "2")).stdout).to.equal(
        builds.map((one) => `${(one as { id: number }).id}\n`).join(""),
      );
    });

    it("page by page, or all", async () => {
      const all = (await json("builds", "--all")).builds as { id: number }[];
      const first = await json("builds", "--limit", "1");
      expect(first.next).to.equal(all[0]?.id);
      expect((await json("builds", "--limit", "1", "--before", String(first.next))).builds).to.deep.equal([all[1]]);
      expect((await run("builds", "--limit", "1")).stderr).to.contain(`--before ${all[0]?.id}`);
    });

    it("deliveries and images, which may be pulled by what is printed", async () => {
      const deliveries = await run("deliveries", "--verdict", "build");
      expect(deliveries.stdout).to.match(
        new RegExp(`^${guid} +pull_request\\.closed +acme/shop +${built.id} +.*#1 was merged`, "m"),
      );
      expect((await run("images")).stdout).to.match(/^acme\/shop .+ \d+ .+iB +(?:now|\d+ (?:s|min) ago)$/m);
      expect((await run("images", "acme/shop")).stdout).to.contain(built.images[0]?.digest.slice(0, 19));
      const [newest] = (await run("images", "acme/shop", "-q", "--limit", "1")).stdout.split("\n");
      expect(newest).to.match(/^acme\/shop@sha256:[0-9a-f]{64}$/);
    });

    it("lets no control character of a stranger's title out, and no colour without a terminal", async () => {
      await each([["builds", "--all"], ["explain", "1"], ["deliveries"], ["logs", String(built.id)]], async (args) => {
        const { stdout } = await run(...args);
        expect(stdout.replaceAll("\n", ""), args.join(" "))
          .to.not.match(/\p{Cc}/u)
          .and.not.contain("\u202e");
      });
      expect((await run("builds", "--all")).stdout).to.contain("#1 Sell red hats");
    });
  });

  describe("explain", () => {
    it("tells of a delivery what was decided, rule by rule, what was built and what came of it", async () => {
      const { code, stdout } = await run("explain", guid);
      expect(code).to.equal(0);
      for (const words of [
        /^delivery +\S+, pull_request\.closed of acme\/shop, /m,
        /^decision +build: pull request #1 was merged into main$/m,
        /^ {2}✓ merged +merged: true$/m,
        new RegExp(`^build +${built.id} success: #1 Sell red hats, acme/shop@${built.sha?.slice(0, 7)}$`, "m"),
        /^ {2}✓ shop: it names no paths/m,
        /^ {2}push +\d+\.\ds {2}success$/m,
        new RegExp(`^ {2}${built.images[0]?.reference}$`, "m"),
      ])
        expect(stdout).to.match(words);
    });

    it("finds the same by pull request and by commit", async () => {
      await each(["1", "#1", "acme/shop#1", built.sha?.slice(0, 7) ?? "", built.sha ?? ""], async (what) => {
        const found = await json("explain", what);
        expect((found.delivery as { guid: string }).guid, what).to.equal(guid);
        expect((found.build as { sha: string }).sha, what).to.equal(built.sha);
      });
      expect((await run("explain", "acme/shop#2")).stdout).to.contain(`next: ${failed.failure?.hint}`);
    });

    it("says what it was asked when it finds nothing, with 2", async () => {
      expect(await run("explain", "777"))
        .to.include({ code: 2 })
        .and.property("stderr")
        .contains("pull request #777");
      expect(await run("explain", "acme/other#1")).to.include({ code: 2 });
      expect(await run("explain", "not a thing!"))
        .to.include({ code: 2 })
        .and.property("stderr")
        .contains("is none of");
    });

    it("shows why nothing was built, too", async () => {
      const { pullRequest, merge } = await ci.mergeQuietly({ message: `draft ${Math.random()}` });
      const announced = await ci.announce({ pullRequest, merge }, { body: "[skip ci]" });
      expect(announced.verdict.verdict).to.equal("skip");
      const { stdout } = await run("explain", announced.verdict.delivery);
      const found = await json("explain", `#${announced.number}`);
      expect((found.delivery as { guid: string }).guid).to.equal(announced.verdict.delivery);
      expect(stdout)
        .to.match(/^decision +skip: /m)
        .and.to.match(/^ {2}✗ skip directive +/m);
    });
  });

  it("replays a delivery, also without changing anything", async () => {
    const before = await ci.countRows("build");
    const dry = await run("replay", guid, "--dry-run");
    expect([dry.code, await ci.countRows("build")]).to.deep.equal([0, before]);
    expect(dry.stdout)
      .to.match(/^would be: \w+: /)
      .and.to.match(/^ {2}✓ merged +merged: true$/m);
    expect(await run("replay", guid, "--follow", "--quiet")).to.deep.include({ code: 0, stderr: "" });
    expect(await ci.countRows("build")).to.equal(before + 1);
  });

  it("makes, lists and revokes tokens, and one that may read changes nothing", async () => {
    const made = await run("token", "create", "anna");
    expect(made.stdout).to.match(/^md_[A-Za-z0-9_-]{43}\n$/);
    await writeFile(join(folder, "anna.token"), made.stdout);
    const anna = (...args: string[]) => runMergedock([...args, "--token-file", "anna.token"], { folder, env });
    expect(await anna("builds", "-q", "--limit", "1")).to.include({ code: 0 });
    expect(await anna("prune", "--dry-run"))
      .to.include({ code: 3 })
      .and.property("stderr")
      .contains("403");
    expect((await run("token", "list")).stdout).to.match(/^anna +read +md_/m);
    expect((await run("token", "list")).stdout).to.not.contain(made.stdout.trim());
    expect(await run("token", "revoke", "anna")).to.include({ code: 0 });
    expect(await anna("builds"))
      .to.include({ code: 3 })
      .and.property("stderr")
      .contains("401");
    expect(await run("token", "revoke", "nobody")).to.include({ code: 2 });
  });

  describe("doctor", () => {
    it("finds nothing wrong with a server that works, and asks the engine to sign in at the registry", async () => {
      const lab = ciEnvironment();
      const { code, stdout } = await runMergedock(["doctor"], { folder: ci.folder, env: { ...lab, ...env } });
      expect(code, stdout).to.equal(0);
      for (const words of [
        /^✓ configuration +\S+mergedock\.yml: acme\/shop$/m,
        /^✓ engine +Docker \S+ \(API [\d.]+, runc \S+\) at unix:/m,
        /^✓ registry +https:\/\/\S+: TLS verified, signed in as ci/m,
        /^✓ engine's CA +the engine signs in at /m,
        /^✓ disk +\d+/m,
        /^✓ clock +within \d+ s of the registry's$/m,
        /^✓ server: database +PostgreSQL 18/m,
        /^✓ hook +last delivery .+: pull_request of acme\/shop$/m,
      ])
        expect(stdout).to.match(words);
      expect(stdout).to.match(/^! tunnel +none .+\n +-> webhooks\.public_url in mergedock\.yml, where a proxy/m);
    });

    it("tells a registry that it reaches itself from one whose CA the engine does not know", async () => {
      const other = await startOtherRegistry(ci.lab, join(folder, "other"));
      try {
        const registry = {
          MERGEDOCK_REGISTRY_PUSH_HOST: other.host,
          MERGEDOCK_REGISTRY_API_URL: other.apiUrl,
          MERGEDOCK_REGISTRY_USERNAME: other.username,
          MERGEDOCK_REGISTRY_PASSWORD: other.password,
        };
        const place = { folder: ci.folder, env: { ...ciEnvironment(), ...env, ...registry } };
        const { code, stdout } = await runMergedock(["doctor"], place);
        expect(code, stdout).to.equal(3);
        expect(stdout).to.match(/^✓ registry +\S+: TLS verified, signed in as other/m);
        expect(stdout).to.match(/^✗ engine's CA +the engine does not get into \S+: .*x509/m);
        expect(stdout).to.contain(`-> mkdir -p /etc/docker/certs.d/${other.host} && cp ${ci.lab.registry.caFile}`);
      } finally {
        await other.stop();
      }
    });

    it("says the fix for each ✗ and ends with 3", async () => {
      const lab = { ...ciEnvironment(), ...env };
      const failures = async (more: Record<string, string>) => {
        const place = { folder: ci.folder, env: { ...lab, ...more } };
        const { code, stdout } = await runMergedock(["doctor", "--json"], place);
        const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
        expect([code, ok], stdout).to.deep.equal([3, false]);
        return Object.fromEntries(
          findings.flatMap(({ name, level, fix }) => (level === "failure" ? [[name, fix]] : [])),
        );
      };
      const broken = [
        ["MERGEDOCK_ENGINE_HOST", "unix:///nowhere.sock", "engine", "systemctl start docker"],
        ["MERGEDOCK_REGISTRY_CA_FILE", "system", "registry", "registry.ca_file"],
        ["MERGEDOCK_REGISTRY_PASSWORD", "not the password of it", "registry", "htpasswd"],
        ["DATABASE_URL", "postgres://127.0.0.1:1/none", "database", "DATABASE_URL"],
        ["MERGEDOCK_SERVER", "http://127.0.0.1:1", "server", "mergedock serve"],
        ["MERGEDOCK_ROLE", "boss", "configuration", "config check"],
      ] as const;
      await each(broken, async ([variable, value, name, fix]) => {
        expect(await failures({ [variable]: value }))
          .to.have.property(name)
          .contains(fix);
      });
    });
  });

  function ciEnvironment(): Record<string, string> {
    return labEnvironment(ci.lab, ci.folder);
  }

  describe("that cannot do what it is asked", () => {
    it("ends with 3 where no server answers, a token is wrong, or what answers is something else", async () => {
      const without = await run("builds", "--server", "http://127.0.0.1:1");
      expect(without).to.include({ code: 3, stdout: "" });
      expect(without.stderr).to.match(/^mergedock: no server answers at http:\/\/127\.0\.0\.1:1: .+; does it run/);
      const wrong = await runMergedock(["builds"], {
        folder,
        env: { ...env, MERGEDOCK_TOKEN: "not the token at all" },
      });
      expect(wrong)
        .to.include({ code: 3 })
        .and.property("stderr")
        .matches(/^mergedock: the server answered 401: .+--token-file/);
      const strange = await run("builds", "--server", ci.git.url);
      expect(strange).to.include({ code: 3 }).and.property("stderr").contains("is not Mergedock's API");
    });

    it("ends with 2 and the closest word for a typo, before any server is asked", async () => {
      const nobody = { folder, env: { MERGEDOCK_SERVER: "http://127.0.0.1:1" } };
      const typed = [
        [["biulds"], 'did you mean "builds"?'],
        [["token", "crate"], 'did you mean "create"?'],
        [["builds", "--limti", "3"], 'did you mean "--limit"?'],
        [["builds", "--limit", "0"], "whole number from 1 on"],
        [["builds", "--result", "bad"], "Allowed choices are success, failure"],
        [["build", "shop"], "missing required argument 'version'"],
        [["token"], "it needs a command"],
        [["builds", "--server", "localhost:1"], '--server: "localhost:1" has to be a URL'],
        [["builds", "--token-file", "none"], "cannot be read (ENOENT)"],
        [["builds", "--server", "http://192.0.2.1"], "needs a token of its own"],
      ] as const;
      await each(typed, async ([args, words]) => {
        const { code, stdout, stderr } = await runMergedock(args, nobody);
        expect([code, stdout], args.join(" ")).to.deep.equal([2, ""]);
        expect(stderr).to.contain(words);
      });
    });

    it("takes flags before the environment, and that before the file", async () => {
      await writeFile(join(folder, "good.token"), `${adminToken}\n`);
      const misled = { MERGEDOCK_SERVER: "http://127.0.0.1:1", MERGEDOCK_TOKEN: "wrong token" };
      const flags = ["--server", env.MERGEDOCK_SERVER ?? "", "--token-file", "good.token"];
      expect(await runMergedock(["builds", ...flags], { folder, env: misled })).to.include({ code: 0 });
      const file = { MERGEDOCK_LISTEN_API: new URL(ci.app.apiUrl).host, MERGEDOCK_ADMIN_TOKEN: adminToken };
      expect(await runMergedock(["builds"], { folder, env: file })).to.include({ code: 0 });
      expect(await runMergedock(["builds"], { folder, env: { ...file, ...misled } })).to.include({ code: 3 });
      const named = { MERGEDOCK_SERVER: env.MERGEDOCK_SERVER ?? "", MERGEDOCK_TOKEN_FILE: "good.token" };
      expect(await runMergedock(["builds"], { folder, env: named })).to.include({ code: 0 });
    });

    it("ends quietly when nobody reads on", async () => {
      const child = startMergedock(["builds", "--all"], { folder, env });
      child.stdout.destroy();
      let said = "";
      child.stderr.on("data", (text) => {
        said += text;
      });
      expect([(await once(child, "close"))[0], said]).to.deep.equal([141, ""]);
    });
  });

  describe("on a terminal", () => {
    async function onTerminal(args: readonly string[], more: Record<string, string> = {}): Promise<string> {
      const command = [process.execPath, mainFile, ...args].map((word) => `'${word}'`).join(" ");
      const options = { cwd: folder, env: { PATH: process.env.PATH, TERM: "xterm", ...env, ...more } };
      const line = `stty cols 60 rows 20; ${command}`;
      return (await promisify(execFile)("script", ["-qec", line, "/dev/null"], options)).stdout;
    }

    it("redraws a build in place, each line within the terminal's width", async () => {
      const shown = await onTerminal(["rebuild", String(built.id), "--no-cache", "--follow"]);
      expect(shown).to.contain("\u001b[?25l").and.to.contain("\u001b[?25h");
      const last = shown.slice(shown.lastIndexOf("[+] Building"));
      expect(last).to.match(/^\[\+\] Building \d+\.\ds \((\d+)\/\1\) FINISHED/);
      expect(last)
        .to.contain(" => [fetch]")
        .and.to.match(/ => \[1\/\d\] COPY busybox/);
      const lines = shown
        .replaceAll(escapes, "")
        .split(/\r?\n/)
        .filter((line) => line.includes("=>"));
      expect(lines.filter((line) => line.length > 60)).to.deep.equal([]);
    });

    it("NO_COLOR: has no colours, and a table fits its width", async () => {
      const plain = await onTerminal(["explain", "2"], { NO_COLOR: "1" });
      expect(plain).to.not.contain("\u001b[3");
      expect(await onTerminal(["explain", "2"])).to.contain("\u001b[3");
      const table = await onTerminal(["builds"]);
      expect(table.split("\r\n").filter((line) => line.length > 60)).to.deep.equal([]);
    });
  });
});
