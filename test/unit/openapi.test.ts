// The API's description: valid, complete, and held against what is answered.

import { Validator } from "@seriousme/openapi-schema-validator";
import { expect } from "chai";
import type Koa from "koa";
import { pino } from "pino";
import { auditActions } from "../../ci-server/core/accounts.ts";
import { errorCodes } from "../../ci-server/core/errors.ts";
import { problems } from "../../ci-server/core/problems.ts";
import { sessionView } from "../../ci-server/core/views/access.ts";
import { shown } from "../../ci-server/core/views/json.ts";
import { type ApiOptions, createApiApp } from "../../ci-server/http/api.ts";
import { dashboardPages } from "../../ci-server/http/dashboard.ts";
import { openApiDocument } from "../../ci-server/http/openapi.ts";
import { mismatch } from "../helpers/openapi-check.ts";

describe("openapi.json", () => {
  const document = openApiDocument("1.2.3");

  it("is valid OpenAPI 3.1", async () => {
    expect(document.openapi).to.equal("3.1.0");
    expect(await new Validator().validate(JSON.parse(JSON.stringify(document)))).to.deep.equal({ valid: true });
  });

  it("has every route that the listener answers", () => {
    const routes = routesOf(emptyApp());
    expect(routes.map(({ path }) => path)).to.include.members([
      "/healthz",
      "/api/v1/builds/{id}/log",
      "/api/v1/tokens",
    ]);
    const missing = routes.filter(({ method, path }) => {
      const item = document.paths?.[path] as Record<string, unknown> | undefined; // as OpenAPI has it
      return item?.[method] === undefined;
    });
    const pages = dashboardPages.map((path) => path.replace(/:(\w+)/g, "{$1}"));
    const others = ["/api/v1/openapi.json", "/api/style.css", ...pages];
    const isOther = (path: string) => others.includes(path) || path.startsWith("/assets/");
    expect(missing.filter(({ path }) => !isOther(path))).to.deep.equal([]);
  });

  it("says of every route who may ask", () => {
    const operations = Object.values(document.paths ?? {}).flatMap((item) => Object.entries(item));
    for (const [method, operation] of operations) {
      const role = (operation as { "x-role"?: string })["x-role"]; // operation.ts writes it
      expect(role, JSON.stringify(operation)).to.be.oneOf(["none", "read", "admin"]);
      if (method !== "get" && role !== "admin") expect(JSON.stringify(operation)).to.match(/Sign (?:in|out)/);
    }
  });

  it("has a meaning for each code of a problem", () => {
    expect(Object.keys(problems)).to.have.members([...errorCodes]);
  });

  it("names each action of the audit", () => {
    expect(JSON.stringify(document.components?.schemas?.AuditList)).to.contain(JSON.stringify([...auditActions]));
  });
});

describe("the check of answers", () => {
  const session = { method: "get", pathname: "/api/v1/session" };
  const fitting = { name: "configured", role: "admin" };
  const problem = { type: "/problems/invalid", title: "invalid", status: 400, detail: "why" };

  it("lets pass what fits", () => {
    expect(mismatch(session, 200, "application/json", fitting)).to.equal(null);
    expect(mismatch(session, 304, "", undefined)).to.equal(null);
    expect(mismatch(session, 400, "application/problem+json", problem)).to.equal(null);
    expect(mismatch({ method: "get", pathname: "/nowhere" }, 404, "application/problem+json", problem)).to.equal(null);
  });

  for (const [what, answer] of Object.entries({
    "a field too many": [200, "application/json", { ...fitting, token: "x" }],
    "a field too few": [200, "application/json", { name: "configured" }],
    "a word that it does not know": [200, "application/json", { ...fitting, role: "root" }],
    "another type": [200, "text/plain", undefined],
    "another status": [201, "application/json", fitting],
    "a problem that is none": [400, "application/problem+json", { title: "x" }],
  } as const)) {
    it(`refuses ${what}`, () => {
      const [status, type, json] = answer;
      expect(mismatch(session, status, type, json)).to.be.a("string");
    });
  }

  it("refuses a path that is not there", () => {
    expect(mismatch({ method: "get", pathname: "/api/v1/nowhere" }, 200, "application/json", {})).to.be.a("string");
  });

  it("is made before a test runs, where the value itself is of another type", () => {
    // @ts-expect-error: a role that there is not
    expect(shown(sessionView, { name: "x", role: "root" })).to.be.an("object");
    // @ts-expect-error: no role
    expect(shown(sessionView, { name: "x" })).to.be.an("object");
  });
});

/** Its parts are never asked for anything. */
function emptyApp(): Koa {
  const parts = {
    ...{ checks: {}, limits: { requestsPerMinuteMax: 1, failedLoginsPerMinuteMax: 1 }, adminToken: "none" },
    ...{ log: pino({ level: "silent" }), hosts: { own: "127.0.0.1", allowed: [] } },
    ...{ metrics: { isOpen: false, page: { contentType: "text/plain", text: async () => "" } } },
    ...{ system: { about: { version: "0" } }, repositories: [], forges: [], hooks: {}, appMaking: { hosts: [] } },
  };
  return createApiApp(parts as unknown as ApiOptions); // only what building it reads
}

interface Layer {
  readonly path: string;
  readonly methods: readonly string[];
}

/** @koa/router hangs itself on what it gives to Koa. */
function routesOf(app: Koa): { readonly method: string; readonly path: string }[] {
  const routers = app.middleware.flatMap((one) => (one as { router?: { stack: readonly Layer[] } }).router ?? []);
  const layers = routers.flatMap(({ stack }) => stack).filter(({ methods }) => methods.length > 0);
  return layers.flatMap(({ path, methods }) =>
    methods
      .filter((method) => method !== "HEAD")
      .map((method) => ({
        method: method.toLowerCase(),
        path: path.replace(/:(\w+)/g, "{$1}").replace(/(?<=.)\/$/, ""),
      })),
  );
}
