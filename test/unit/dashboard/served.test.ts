import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { pino } from "pino";
import { dashboardRoutes } from "../../../ci-server/http/dashboard.ts";
import { createKoa, type Listener, listen } from "../../../ci-server/http/server.ts";

describe("the dashboard's files", () => {
  let folder: string;
  let listener: Listener | undefined;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "dashboard-"));
  });

  afterEach(async () => {
    await listener?.close();
    listener = undefined;
    rmSync(folder, { recursive: true });
  });

  async function ask(target: string): Promise<Response> {
    if (listener === undefined) {
      const app = createKoa({ log: pino({ level: "silent" }), listener: "api", observe: () => undefined });
      app.use(dashboardRoutes({ folder }).routes());
      listener = await listen(app, { host: "127.0.0.1", port: 0, connectionsMax: 10 });
    }
    return fetch(`${listener.url}${target}`, { headers: { connection: "close" } });
  }

  it("are one page for all its addresses, asked for anew each time, under a policy that lets nothing in", async () => {
    writeFileSync(path.join(folder, "index.html"), "<!doctype html>the page");
    for (const target of ["/", "/builds/7", "/images/acme%2Fshop", "/deliveries/x", "/setup", "/login"]) {
      const answer = await ask(target);
      expect(await answer.text()).to.contain("the page");
      expect(answer.headers.get("cache-control")).to.equal("no-cache");
      expect(answer.headers.get("content-type")).to.equal("text/html; charset=utf-8");
      expect(answer.headers.get("content-security-policy"))
        .to.match(/^default-src 'self';/)
        .and.not.to.contain("unsafe");
    }
  });

  it("are kept for ever where their name changes with their content, and nothing else of the disk is served", async () => {
    mkdirSync(path.join(folder, "assets"));
    writeFileSync(path.join(folder, "assets/index-0123.js"), "let x;");
    const answer = await ask("/assets/index-0123.js");
    expect(await answer.text()).to.equal("let x;");
    expect(answer.headers.get("cache-control")).to.equal("public, max-age=31536000, immutable");
    expect(answer.headers.get("content-type")).to.match(/^text\/javascript|^application\/javascript/);
    for (const target of ["/assets/..%2f..%2fpackage.json", "/assets/other.js", "/index.html"])
      expect((await ask(target)).status).to.equal(404);
  });

  it("say how they are made where they are not there", async () => {
    const answer = await ask("/");
    expect(answer.status).to.equal(503);
    expect(await answer.text()).to.contain("npm run dashboard");
  });
});
