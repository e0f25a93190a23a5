// Who may use the API: tokens with a role, sessions, host names, other sites, limits, and the record of what was asked for.

import { createHash } from "node:crypto";
import { expect } from "chai";
import { type RawAnswer, rawRequest } from "../helpers/raw-request.ts";
import { ServerTester } from "../helpers/server-tester.ts";
import { adminToken } from "../helpers/tester.ts";

const json = { "content-type": "application/json" };

describe("access to the API", function () {
  this.timeout(60_000);
  let server: ServerTester;
  before(async () => {
    const file = { listen: { hosts: ["CI.example.com", "other.example:8443"] } };
    server = await ServerTester.start({ limits: { failed_logins_per_minute_max: 100 }, file });
  });
  after(() => server?.stop());

  let made = 0;
  async function makeToken(role: "admin" | "read"): Promise<{ name: string; token: string }> {
    made += 1;
    const response = await server.post("/tokens", { name: `${role}-${made}`, role });
    expect(response.status).to.equal(201);
    return (await response.json()) as { name: string; token: string };
  }

  const as = (token: string) => ({ authorization: `Bearer ${token}` });

  async function signIn(token: string): Promise<string> {
    const response = await server.post("/session", { token }, { authorization: "" });
    expect(response.status).to.equal(200);
    return (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  }

  function raw(path: string, options: Parameters<typeof rawRequest>[1]): Promise<RawAnswer> {
    return rawRequest(`${new URL(server.apiUrl).origin}${path}`, options);
  }

  const newest = async () => {
    const { entries } = (await (await server.api("/audit?limit=1")).json()) as { entries: Record<string, unknown>[] };
    return entries[0];
  };

  describe("a token", () => {
    it("is shown once, and only its hash is in the database", async () => {
      const { name, token } = await makeToken("admin");
      expect(token).to.match(/^md_[A-Za-z0-9_-]{43}$/);
      const [row] = await server.query<{ hash: Buffer; all: string }>(
        `select hash, row_to_json(access_token)::text as all from access_token where name = '${name}'`,
      );
      expect(row?.hash).to.deep.equal(createHash("sha256").update(token).digest());
      expect(row?.all).to.not.contain(token);
      const listed = await (await server.api("/tokens")).text();
      expect(listed).to.contain(`"${name}"`).and.not.contain(token);
      expect(server.output).to.not.contain(token);
    });

    it("with the role admin does all, with the role read it looks and changes nothing", async () => {
      const admin = await makeToken("admin");
      const read = await makeToken("read");
      for (const path of ["/builds", "/deliveries", "/activity", "/images", "/repositories", "/system"]) {
        expect((await server.api(path, { headers: as(read.token) })).status, path).to.equal(200);
        expect((await server.api(path, { headers: as(admin.token) })).status, path).to.equal(200);
      }
      for (const path of ["/tokens", "/audit", "/setup/secret"]) {
        expect((await server.api(path, { headers: as(read.token) })).status, path).to.equal(403);
        expect((await server.api(path, { headers: as(admin.token) })).status, path).to.equal(200);
      }
      const changes = [
        ["POST", "/images", { service: "shop", version: "1", type: "docker" }],
        ["POST", "/builds/1/rebuild", {}],
        ["POST", "/builds/1/cancel", undefined],
        ["POST", "/deliveries/x/replay?dry_run=true", undefined],
        ["POST", "/prune", { dry_run: true }],
        ["POST", "/tokens", { name: "mine", role: "admin" }],
        ["DELETE", `/tokens/${admin.name}`, undefined],
        ["POST", "/setup/test-delivery", { repository: "acme/shop" }],
      ] as const;
      for (const [method, path, body] of changes) {
        const headers = { ...as(read.token), ...json };
        const init = body === undefined ? {} : { body: JSON.stringify(body) };
        const response = await server.api(path, { method, headers, ...init });
        expect(response.status, path).to.equal(403);
        expect(await response.text()).to.contain(`the token \\"${read.name}\\" has the role read`);
      }
      expect(await server.count("build")).to.equal(0);
    });

    it("with the role read sees no more for writing the path another way", async () => {
      const read = await makeToken("read");
      for (const path of ["tokens", "audit", "setup/secret"]) {
        const upper = path.toUpperCase();
        for (const way of [`/API/V1/${upper}`, `/api/v1/${upper}`, `/Api/v1/${path}`, `/api/v1/${path}/`]) {
          for (const method of ["GET", "HEAD"]) {
            const { status, body } = await raw(way, { method, headers: as(read.token) });
            expect([403, 404], `${method} ${way}: ${body}`).to.include(status);
          }
        }
      }
    });

    it("ends at once when it is revoked, with its sessions and with no other's", async () => {
      const { name, token } = await makeToken("read");
      const cookies = [await signIn(token), await signIn(token)];
      const other = await signIn(adminToken);
      const status = async (cookie: string) =>
        (await server.api("/session", { headers: { authorization: "", cookie } })).status;
      for (const cookie of [...cookies, other]) expect(await status(cookie)).to.equal(200);
      expect((await server.api(`/tokens/${name}`, { method: "DELETE" })).status).to.equal(204);
      expect((await server.api("/builds", { headers: as(token) })).status).to.equal(401);
      for (const cookie of cookies) expect(await status(cookie)).to.equal(401);
      expect(await status(other)).to.equal(200);
      expect((await server.api(`/tokens/${name}`, { method: "DELETE" })).status).to.equal(404);
      const { tokens } = (await (await server.api("/tokens")).json()) as { tokens: Record<string, unknown>[] };
      expect(tokens.find((one) => one.name === name)?.revokedAt).to.be.a("string");
      // Its name is free again.
      expect((await server.post("/tokens", { name, role: "read" })).status).to.equal(201);
    });

    it("says who made it and, to the minute, when it was used", async () => {
      const admin = await makeToken("admin");
      const response = await server.post("/tokens", { name: "of-the-admin", role: "read" }, as(admin.token));
      const { token } = (await response.json()) as { token: string };
      const find = async () => {
        const { tokens } = (await (await server.api("/tokens")).json()) as { tokens: Record<string, unknown>[] };
        return tokens.find(({ name }) => name === "of-the-admin");
      };
      expect(await find()).to.include({ createdBy: admin.name, lastUsedAt: null, prefix: token.slice(0, 9) });
      await server.api("/builds", { headers: as(token) });
      const used = (await find())?.lastUsedAt;
      expect(used).to.be.a("string");
      await server.api("/builds", { headers: as(token) });
      expect((await find())?.lastUsedAt).to.equal(used);
    });

    for (const [what, body, status] of [
      ["a name that is taken by the server", { name: "configured", role: "read" }, 400],
      ["a name with blanks", { name: "a b", role: "read" }, 400],
      ["a role that there is not", { name: "x", role: "root" }, 400],
      ["an unknown field", { name: "x", role: "read", token: "mine" }, 400],
      ["a name that another has", { name: "twice", role: "read" }, 409],
    ] as const) {
      it(`is not made with ${what}`, async () => {
        if (status === 409) await server.post("/tokens", body);
        const response = await server.post("/tokens", body);
        expect(response.status).to.equal(status);
      });
    }
  });

  describe("a session", () => {
    it("T32: stands for its token, in a cookie that no script and no other site gets", async () => {
      const { name, token } = await makeToken("read");
      const response = await server.post("/session", { token }, { authorization: "" });
      expect(await response.json()).to.deep.equal({ name, role: "read" });
      const cookie = response.headers.get("set-cookie") ?? "";
      expect(cookie).to.match(/^mergedock_session=mds_[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=604800$/);
      const headers = { authorization: "", cookie: cookie.split(";")[0] ?? "" };
      expect(await (await server.api("/session", { headers })).json()).to.deep.equal({ name, role: "read" });
      const value = headers.cookie.split("=")[1] ?? "";
      const [row] = await server.query<{ all: string }>(
        "select json_agg(access_session)::text as all from access_session",
      );
      expect(row?.all).to.contain(createHash("sha256").update(value).digest("hex")).and.not.contain(value);
      await signIn(adminToken);
      const [bound] = await server.query<{ all: string }>(
        "select json_agg(access_session)::text as all from access_session",
      );
      expect(bound?.all).to.not.contain(createHash("sha256").update(adminToken).digest("hex"));
      const out = { ...headers, "sec-fetch-site": "same-origin" };
      expect((await server.api("/session", { method: "DELETE", headers: out })).status).to.equal(204);
      expect((await server.api("/session", { headers })).status).to.equal(401);
    });

    it("has a cookie that goes over TLS only, where a proxy has ended TLS", async () => {
      const secure = await server.post("/session", { token: adminToken }, { "x-forwarded-proto": "https" });
      expect(secure.headers.get("set-cookie")).to.match(/; Secure$/);
    });

    it("ends after its days", async () => {
      const cookie = await signIn(adminToken);
      const headers = { authorization: "", cookie };
      expect((await server.api("/session", { headers })).status).to.equal(200);
      const [row] = await server.query<{ days: number }>(
        "select round(extract(epoch from max(expires_at) - now()) / 86400)::int as days from access_session",
      );
      expect(row?.days).to.equal(7);
      await server.query("update access_session set expires_at = now() - interval '1 s'");
      expect((await server.api("/session", { headers })).status).to.equal(401);
    });

    it("is not begun with a token that nobody has, and the audit says so", async () => {
      const response = await server.post("/session", { token: "md_wrong" }, { authorization: "" });
      expect(response.status).to.equal(401);
      expect(response.headers.get("set-cookie")).to.equal(null);
      expect(await newest()).to.include({ actor: "anonymous", action: "login_failed", target: "127.0.0.1" });
    });
  });

  describe("T32: another site's page", () => {
    const own = () => new URL(server.apiUrl).origin;

    for (const [what, headers] of [
      ["another origin", { origin: "https://evil.example" }],
      ["another port of this machine", { origin: "http://127.0.0.1:1" }],
      ["no origin at all", {}],
      ["an origin that is none", { origin: "null" }],
      ["a cross-site request, whatever its origin", { "sec-fetch-site": "cross-site", origin: "own" }],
      ["a same-site request, which another port is too", { "sec-fetch-site": "same-site", origin: "own" }],
    ] as const) {
      it(`cannot change anything with the cookie: ${what}`, async () => {
        const cookie = await signIn(adminToken);
        const given = Object.entries(headers).map(([name, value]) => [name, value === "own" ? own() : value]);
        const answer = await raw("/api/v1/tokens", {
          method: "POST",
          headers: { ...json, cookie, ...Object.fromEntries(given) },
          body: JSON.stringify({ name: "stolen", role: "admin" }),
        });
        expect(answer.status).to.equal(403);
        expect(JSON.parse(answer.body)).to.include({ type: "/problems/forbidden" });
        expect(await (await server.api("/tokens")).text()).to.not.contain("stolen");
      });
    }

    it("cannot send a form with it either", async () => {
      const cookie = await signIn(adminToken);
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
        const headers = { cookie, "content-type": type, origin: own(), "sec-fetch-site": "same-origin" };
        const body = JSON.stringify({ name: "stolen", role: "admin" });
        expect((await raw("/api/v1/tokens", { method: "POST", headers, body })).status, type).to.equal(403);
      }
      const bearer = { ...as(adminToken), "content-type": "text/plain" };
      expect((await raw("/api/v1/tokens", { method: "POST", headers: bearer, body: "{}" })).status).to.equal(415);
    });

    it("cannot sign somebody in", async () => {
      const headers = { ...json, origin: "https://evil.example" };
      const answer = await raw("/api/v1/session", {
        method: "POST",
        headers,
        body: JSON.stringify({ token: adminToken }),
      });
      expect(answer.status).to.equal(403);
      expect(answer.headers["set-cookie"]).to.equal(undefined);
    });

    it("lets our own pages do it", async () => {
      const cookie = await signIn(adminToken);
      for (const [index, headers] of [{ origin: own() }, { "sec-fetch-site": "same-origin" }].entries()) {
        const body = JSON.stringify({ name: `page-${index}`, role: "read" });
        const answer = await raw("/api/v1/tokens", { method: "POST", headers: { ...json, cookie, ...headers }, body });
        expect(answer.status, answer.body).to.equal(201);
      }
    });

    it("may not put ours into a frame, nor run what is not ours", async () => {
      const { headers } = await raw("/api", {});
      expect(headers["content-security-policy"]).to.contain("default-src 'self'").and.contain("frame-ancestors 'none'");
      expect(headers["x-content-type-options"]).to.equal("nosniff");
      expect(headers["access-control-allow-origin"]).to.equal(undefined);
    });
  });

  describe("T32: a host name", () => {
    const port = () => new URL(server.apiUrl).port;

    for (const host of [
      "evil.example",
      "evil.example:80",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "[::2]",
    ]) {
      it(`that is not ours is refused everywhere: "${host}"`, async () => {
        for (const path of ["/api/v1/builds", "/api/v1/session", "/healthz", "/openapi.json", "/api", "/"]) {
          const answer = await raw(path, { headers: { ...as(adminToken), host } });
          expect(answer.status, path).to.equal(421);
          expect(JSON.parse(answer.body)).to.include({ type: "/problems/misdirected" });
        }
      });
    }

    it("that the configuration lists is taken, with the port where it has one", async () => {
      for (const [host, status] of [
        ["ci.example.com", 200],
        ["ci.EXAMPLE.com:8080", 200],
        ["other.example:8443", 200],
        ["other.example", 421],
      ] as const)
        expect((await raw("/healthz", { headers: { host } })).status, host).to.equal(status);
    });

    it("of loopback is taken", async () => {
      for (const host of ["localhost", `localhost:${port()}`, "LOCALHOST", "127.0.0.1", "127.0.0.2:1", "[::1]:8080"])
        expect((await raw("/healthz", { headers: { host } })).status, host).to.equal(200);
    });
  });

  it("T31: the webhook's port has nothing of it", async () => {
    const { origin } = new URL(server.webhookUrl);
    for (const path of [
      "/api",
      "/openapi.json",
      "/api/v1/session",
      "/api/v1/tokens",
      "/api/v1/system",
      "/api/v1/ca.crt",
    ]) {
      const answer = await rawRequest(`${origin}${path}`, { headers: as(adminToken) });
      expect(answer.status, path).to.equal(404);
    }
    const login = await rawRequest(`${origin}/api/v1/session`, {
      ...{ method: "POST", headers: json, body: JSON.stringify({ token: adminToken }) },
    });
    expect(login.status).to.equal(404);
  });

  describe("the audit", () => {
    it("says who has asked for what", async () => {
      const { name, token } = await makeToken("admin");
      const build = (await (
        await server.post("/images", { service: "acme/shop/shop", version: "1.0.0", type: "docker" }, as(token))
      ).json()) as { build: number };
      expect(await newest()).to.deep.include({
        ...{ actor: name, action: "build", target: "acme/shop/shop 1.0.0" },
        detail: { build: build.build, ref: null, noCache: false },
      });
      await server.api(`/builds/${build.build}/cancel`, { method: "POST", headers: as(token) });
      expect(await newest()).to.include({ actor: name, action: "cancel", target: `build ${build.build}` });
      await server.post(`/builds/${build.build}/rebuild`, {}, as(token));
      expect(await newest()).to.include({ actor: name, action: "rebuild", target: `build ${build.build}` });
      await server.api("/setup/secret", { headers: as(token) });
      expect(await newest()).to.include({ actor: name, action: "secret_shown" });
      await server.post("/setup/test-delivery", { repository: "acme/shop" }, as(token));
      expect(await newest()).to.include({ actor: name, action: "test_delivery", target: "acme/shop" });
      await server.api(`/tokens/${name}`, { method: "DELETE", headers: as(token) });
      expect(await newest()).to.include({ actor: name, action: "token_revoked", target: name });
    });

    it("says nothing of what was refused, or changes nothing", async () => {
      const before = await newest();
      await server.post("/images", { service: "nobody", version: "1", type: "docker" });
      await server.post("/tokens", { name: "A", role: "read" });
      await server.api("/builds");
      expect(await newest()).to.deep.equal(before);
    });

    it("is read page by page", async () => {
      const all = (await (await server.api("/audit?limit=100")).json()) as { entries: { id: number }[] };
      const first = (await (await server.api("/audit?limit=3")).json()) as { entries: { id: number }[]; next: number };
      const second = (await (await server.api(`/audit?limit=3&before=${first.next}`)).json()) as typeof first;
      expect([...first.entries, ...second.entries]).to.deep.equal(all.entries.slice(0, 6));
    });
  });

  it("gives no page again that has not changed", async () => {
    const get = (path: string, headers: Record<string, string> = {}) =>
      raw(`/api/v1${path}`, { headers: { ...as(adminToken), ...headers } });
    for (const path of ["/tokens", "/builds", "/repositories"]) {
      const { etag = "" } = (await get(path)).headers;
      expect(etag, path).to.match(/^W\/"[\w-]{20,}"$/);
      expect(await get(path, { "if-none-match": etag })).to.include({ status: 304, body: "" });
    }
    const { etag = "" } = (await get("/tokens")).headers;
    await makeToken("read");
    expect((await get("/tokens", { "if-none-match": etag })).status).to.equal(200);
  });

  it("shows the webhook's secret to admins, and lets nobody keep the page", async () => {
    const response = await server.api("/setup/secret");
    expect(await response.json()).to.deep.equal({ secret: "the hook's secret of the tests" });
    expect(response.headers.get("cache-control")).to.equal("no-store");
    expect(response.headers.get("etag")).to.equal(null);
  });

  it("sends itself a signed delivery, which is no ping of the forge", async () => {
    const response = await server.post("/setup/test-delivery", { repository: "acme/shop" });
    const answer = (await response.json()) as { status: number; verdict: string; delivery: string };
    expect(answer).to.include({ status: 200, verdict: "skip" });
    const stored = (await (await server.api(`/deliveries/${answer.delivery}`)).json()) as { name: string };
    expect(stored.name).to.equal("ping");
    const system = (await (await server.api("/system")).json()) as { setup: { pingReceivedAt: string | null } };
    expect(system.setup.pingReceivedAt).to.equal(null);
    expect((await server.post("/setup/test-delivery", { repository: "acme/other" })).status).to.equal(404);
  });

  it("has a page for each problem, and one of the API without any script", async () => {
    expect((await raw("/problems/nothing", {})).status).to.equal(404);
    const problem = await raw("/problems/rate_limited", {});
    expect(problem.body).to.contain("Retry-After says how many seconds to wait");
    const page = await raw("/api", {});
    expect(page.headers["content-type"]).to.equal("text/html; charset=utf-8");
    expect(page.body)
      .to.contain("/api/v1/activity")
      .and.not.match(/<script|\son\w+=|https?:\/\//i);
    expect(JSON.parse((await raw("/openapi.json", {})).body)).to.include({ openapi: "3.1.0" });
  });
});

describe("limits of the API", function () {
  this.timeout(60_000);
  let server: ServerTester;
  before(async () => {
    const limits = { api_requests_per_minute_max: 10, failed_logins_per_minute_max: 3, audit_entries_max: 20 };
    server = await ServerTester.start({ limits });
  });
  after(() => server?.stop());

  async function expectWait(response: Response): Promise<void> {
    expect(response.status).to.equal(429);
    expect(Number(response.headers.get("retry-after"))).to.be.within(1, 60);
    expect(await response.json()).to.include({ type: "/problems/rate_limited", status: 429 });
  }

  it("count failed logins by address, and then look at no token any more", async () => {
    const logIn = (token: string) => server.post("/session", { token }, { authorization: "" });
    expect((await logIn(adminToken)).status).to.equal(200);
    for (let turn = 0; turn < 3; turn += 1) expect((await logIn(`wrong ${turn}`)).status).to.equal(401);
    await expectWait(await logIn("wrong"));
    await expectWait(await logIn(adminToken));
    // Of the audit they are a tenth at most: whoever has no token cannot push out what others have done.
    const entries = await server.query<{ action: string }>("select action from audit_entry order by id");
    expect(entries.map(({ action }) => action)).to.deep.equal(["login", "login_failed", "login_failed"]);
  });

  it("keep the newest entries of the audit", async () => {
    await server.query("insert into audit_entry (actor, action) select 'x', 'login' from generate_series(1, 30)");
    await server.post("/tokens", { name: "last", role: "read" });
    const entries = await server.query<{ action: string }>("select action from audit_entry order by id");
    expect(entries.length).to.equal(20);
    expect(entries.at(-1)?.action).to.equal("token_made");
  });

  it("count requests by token, and say when to come again", async () => {
    const { token } = (await (await server.post("/tokens", { name: "busy", role: "read" })).json()) as {
      token: string;
    };
    const headers = { authorization: `Bearer ${token}` };
    for (let turn = 0; turn < 10; turn += 1) expect((await server.api("/builds", { headers })).status).to.equal(200);
    await expectWait(await server.api("/builds", { headers }));
    // Another one's are its own; health is asked by machines.
    expect((await server.api("/builds")).status).to.equal(200);
    expect((await rawRequest(`${new URL(server.apiUrl).origin}/healthz`)).status).to.equal(200);
  });

  it("count requests of those whom nobody knows by address", async () => {
    const headers = { authorization: "Bearer wrong" };
    for (let turn = 0; turn < 10; turn += 1) expect((await server.api("/builds", { headers })).status).to.equal(401);
    await expectWait(await server.api("/builds", { headers }));
  });
});
