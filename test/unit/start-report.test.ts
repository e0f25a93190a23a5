import { expect } from "chai";
import { loadConfig, parseRepositories } from "../../ci-server/config.ts";
import { startReport } from "../../ci-server/serve.ts";

describe("what the server says at its start", () => {
  const config = loadConfig({ env: {}, folder: "/nowhere/at/all" });
  const urls = { apiUrl: "http://127.0.0.1:8080/api/v1", webhookUrl: "http://127.0.0.1:8088/webhooks/github" };
  const hint = /^ +README\.md, "Use it", says how to start one/m;

  it("leads to the dashboard, and to its token in the line below", () => {
    const report = startReport(config, urls, {});
    expect(report).to.match(
      /^dashboard +http:\/\/127\.0\.0\.1:8080\/ {2}\(sign in with the token below\)\napi +\S+ {2}\(token: /m,
    );
    expect(startReport(config, { ...urls, webhookUrl: "" }, {})).to.not.contain("dashboard");
  });

  it("names the repositories whose forge is not asked, and what is missed by that", () => {
    const url = "https://a.test/acme/shop.git";
    const repositories = parseRepositories({
      repositories: [
        { name: "acme/shop", url },
        { name: "acme/web", url: "https://a.test/acme/web.git", access: { token_file: "token" } },
      ],
    });
    expect(startReport({ ...config, repositories }, urls, {})).to.match(
      /^forge +not asked for acme\/shop, whose "access" is no token and no App: add webhooks by hand; pull requests are told nothing$/m,
    );
    const [, web] = repositories;
    expect(startReport({ ...config, repositories: web === undefined ? [] : [web] }, urls, {})).to.not.contain("forge");
  });

  it("says how to start a registry where none can be used", () => {
    expect(startReport(config, urls, { registry: { ok: false, detail: "ECONNREFUSED" } }))
      .to.match(/^registry +NOT USABLE: ECONNREFUSED$/m)
      .and.to.match(hint);
    expect(startReport(config, urls, { registry: { ok: true, detail: "there" } })).to.not.match(hint);
  });
});
