// The commands that look at this machine alone: the configuration's check, and what the doctor makes of what it sees.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import type { Context } from "../../ci-server/cli/command.ts";
import { findingsText } from "../../ci-server/cli/findings.ts";
import { clockFinding, hookFindings } from "../../ci-server/cli/server-findings.ts";
import { deliveryView } from "../../ci-server/cli/views.ts";
import { loadConfig } from "../../ci-server/config.ts";
import { run } from "../../ci-server/config-check.ts";
import { toFindings } from "../../ci-server/doctor-engine.ts";
import { diskFindings } from "../../ci-server/doctor-machine.ts";
import { registryFindings } from "../../ci-server/doctor-registry.ts";
import { keptTerminal } from "../helpers/fake-terminal.ts";

describe("config check", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "check-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function check(file: string | null, options: object = {}): Promise<string> {
    const terminal = keptTerminal();
    const context: Context = {
      ...{ stdout: terminal, stderr: terminal, env: {}, folder, atInterrupt() {} },
      client: () => Promise.reject(new Error("it asks no server")),
      program: () => {
        throw new Error("it needs no tree");
      },
    };
    expect(await run(context, { args: file === null ? [] : [file], options: { ...options } })).to.equal(0);
    return terminal.text();
  }

  function write(name: string, text: string): void {
    writeFileSync(path.join(folder, name), text);
  }

  async function refusal(file: string | null): Promise<string> {
    return check(file).then(
      () => "",
      (error: Error) => error.message,
    );
  }

  it("says what the server's configuration comes to", async () => {
    write("mergedock.yml", "repositories: [{ name: acme/shop, url: https://example.com/shop.git }]\n");
    expect(await check(null))
      .to.match(/^the configuration is valid$/m)
      .and.to.match(/^ {2}repositories acme\/shop$/m);
    expect(JSON.parse(await check("mergedock.yml", { json: true }))).to.deep.include({ valid: true, role: "all" });
  });

  it("warns of files of an access that are not there, or are empty: a build would be the first to tell", async () => {
    const shop = "name: acme/shop, url: https://example.com/shop.git, access: { token_file: shop-token }";
    write("mergedock.yml", `repositories: [{ ${shop}, api: { token_file: api-token } }]\n`);
    write("api-token", "\n");
    const said = await check(null);
    expect(said)
      .to.contain(`! acme/shop: access.token_file: ${path.join(folder, "shop-token")} cannot be read (ENOENT)\n`)
      .and.contain(`! acme/shop: api.token_file: ${path.join(folder, "api-token")} is empty\n`);
    write("shop-token", "ghp_1");
    write("api-token", "ghp_2");
    expect(await check(null)).to.not.contain("!");
  });

  it("warns of comments that nobody can obey", async () => {
    const shop = "name: acme/shop, url: https://example.com/shop.git, commands: true";
    write("mergedock.yml", `repositories: [{ ${shop} }]\n`);
    expect(await check(null))
      .to.match(
        /^! comments are not obeyed: they are GitHub's only, and where it can be asked who may write: acme\/shop$/m,
      )
      .and.to.match(/^ {2}give each of them "access"/m);
    write("mergedock.yml", `repositories: [{ ${shop}, access: { token_file: shop-token } }]\n`);
    expect(await check(null)).to.not.contain("comments");
    write("mergedock.yml", `repositories: [{ ${shop}, forge: gitea, access: { token_file: shop-token } }]\n`);
    expect(await check(null)).to.contain("! comments are not obeyed: they are GitHub's only");
  });

  it("says every mistake of it at once", async () => {
    write("mergedock.yml", 'listen: { api: "x" }\nrepositories: [{ name: shop, url: "y" }]\n');
    expect(await refusal(null))
      .to.contain("listen.api:")
      .and.contain("repositories[0].name:");
    expect(await refusal("other.yml")).to.contain("there is no file");
  });

  it("says the line and the column of a mistake in a repository's own file", async () => {
    write(".mergedock.yml", "images:\n  - service: cart\n    secrets: [npm]\n    push_to: [ghcr.io/acme/cart]\n");
    expect(await check(".mergedock.yml")).to.match(/^\.mergedock\.yml is valid: cart$/m);
    write(".mergedock.yml", "images:\n  - service: cart\n    contxt: .\n");
    expect(await refusal(".mergedock.yml")).to.match(/^\.mergedock\.yml:3:5: .+did you mean "context"/);
    expect(await refusal(".none.yml")).to.contain("cannot be read (ENOENT)");
  });
});

describe("the doctor", () => {
  it("says the engine's version and its known holes", () => {
    const found = toFindings({ version: "20.10.24+dfsg1", apiVersion: "1.41", runc: "1.1.5+ds1" }, "unix:///x.sock");
    expect(found.map(({ level }) => level)).to.deep.equal(["ok", "warning", "warning"]);
    expect(found[1]).to.deep.include({ detail: "engine 20.10.24+dfsg1 has known holes: CVE-2024-24557" });
    expect(found[2]?.detail).to.contain("runc 1.1.5+ds1 has known holes: CVE-2025-31133");
    expect(toFindings({ version: "28.0.1", apiVersion: "1.48", runc: "1.3.3" }, "unix:///x.sock")).to.have.length(1);
  });

  it("compares clocks", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    const level = (seconds: number) => clockFinding("registry", new Date(now + seconds * 1000).toUTCString(), now)[0];
    expect([0, -20, 60, -60, 400].map((seconds) => level(seconds)?.level)).to.deep.equal([
      ...["ok", "ok", "warning", "warning", "failure"],
    ]);
    expect(level(60)?.detail).to.equal("this machine's clock is 60 s behind the registry's");
    expect(clockFinding("registry", null, now)).to.deep.equal([]);
  });

  it("says why the last delivery was refused, until one is accepted", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    const at = (seconds: number) => new Date(now - seconds * 1000).toISOString();
    const delivery = (seconds: number) =>
      deliveryView.parse({ guid: "g", name: "ping", receivedAt: at(seconds), verdict: "skip", reason: "a ping" });
    const refused = { pingReceivedAt: null, lastRefusal: { at: at(20), reason: "the signature does not fit" } };
    const [only, ...more] = hookFindings(null, refused, now);
    expect(only).to.deep.include({
      level: "warning",
      detail: "the last delivery was refused 20 s ago: the signature does not fit",
    });
    expect(only?.fix).to.contain("compare the secret");
    expect(more).to.deep.equal([]);
    const levels = (seconds: number) => hookFindings(delivery(seconds), refused, now).map(({ level }) => level);
    expect([levels(10), levels(30)]).to.deep.equal([["ok"], ["ok", "warning"]]);
    const [none] = hookFindings(null, { ...refused, lastRefusal: null }, now);
    expect(none?.detail).to.equal("the forge has sent nothing yet");
  });

  it("does not let the engine ask a registry that does not answer", async () => {
    const env = {
      MERGEDOCK_REGISTRY_API_URL: "https://127.0.0.1:1",
      MERGEDOCK_REGISTRY_CA_FILE: "system",
      MERGEDOCK_REGISTRY_PASSWORD: "a password of it",
    };
    const found = await registryFindings(loadConfig({ env, folder: "/nowhere/at/all" }));
    expect(found.map(({ name, level }) => `${name} ${level}`)).to.deep.equal([
      "registry failure",
      "engine's CA warning",
    ]);
    expect(found[1]?.detail).to.equal("skipped: the registry does not answer");
  });

  it("says that builds wait for room on the disk", async () => {
    const folder = "/nowhere/at/all";
    const config = loadConfig({ env: { MERGEDOCK_ENGINE_HOST: "tcp://127.0.0.1:1" }, folder });
    const tooMuch = { ...config, limits: { ...config.limits, free_bytes_min: Number.MAX_SAFE_INTEGER } };
    const [found] = await diskFindings(tooMuch);
    expect(found).to.include({ name: "disk", level: "failure" });
    expect(found?.detail).to.match(/free at \/: builds wait below/);
    expect((await diskFindings({ ...config, limits: { ...config.limits, free_bytes_min: 1 } }))[0]?.level).to.equal(
      "ok",
    );
  });

  it("marks what it finds and puts the fix below it", () => {
    const found = [
      { name: "engine", level: "ok", detail: "Docker", fix: null } as const,
      { name: "hook", level: "failure", detail: "none\u001b[2J yet", fix: "do this\nand that" } as const,
    ];
    expect(findingsText(found, { hasColours: false })).to.equal(
      "✓ engine  Docker\n✗ hook    none yet\n          -> do this\n          -> and that\n",
    );
  });
});
