// A GitHub App made from the set-up screen, in a real browser, on a fake GitHub.

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { GithubAppAccess } from "../../ci-server/core/access.ts";
import type { FakeApp } from "../fakes/github/apps.ts";
import { FakeNgrokAgent } from "../fakes/ngrok-agent.ts";
import { Dashboard } from "../helpers/browser.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { forgetfulGithub } from "../helpers/forgetful-github.ts";
import { GithubTester } from "../helpers/github-tester.ts";

const { signal } = new AbortController();

describe("a GitHub App that the set-up screen has made", function () {
  this.timeout(60_000);
  let agent: FakeNgrokAgent;
  let talk: GithubTester;
  let dashboard: Dashboard;
  before(async () => {
    agent = await FakeNgrokAgent.start();
    talk = await GithubTester.start({ hook: false, env: { MERGEDOCK_TUNNEL_AGENT_URL: agent.url } });
    const publicUrl = new URL(talk.ci.app.webhookUrl).origin;
    agent.addTunnel(publicUrl, { publicUrl });
    dashboard = await Dashboard.over(talk.ci);
  });
  after(async () => {
    await dashboard?.close();
    await talk?.stop();
    await agent?.stop();
  });

  it("is begun there, made on GitHub, and kept; then it is an access, and its deliveries are taken", async () => {
    const page = await dashboard.open("/setup");
    await page.getByLabel("Organization").fill("acme");
    await page.getByRole("button", { name: "Make a GitHub App" }).click();
    await page.getByRole("button", { name: "Create GitHub App" }).click();
    const lines = page.getByLabel("the lines for mergedock.yml", { exact: true });
    await lines.waitFor();
    const { pathname, search } = new URL(page.url());
    expect({ pathname, search }).to.deep.equal({ pathname: "/setup/github-app", search: "" });
    const app = talk.github.apps.at(-1) as FakeApp; // it was made
    const privateKeyFile = join(talk.ci.folder, `state/secrets/github-app-${app.id}.pem`);
    expect(await lines.textContent())
      .to.contain(`app_id: ${app.id}`)
      .and.to.contain(privateKeyFile);
    expect((await stat(privateKeyFile)).mode & 0o777).to.equal(0o600);
    expect(await readFile(privateKeyFile, "utf8")).to.equal(app.privateKey);
    const link = page.getByRole("link", { name: `Install ${app.slug}` });
    expect(await link.getAttribute("href")).to.match(/\/installations\/new$/);
    // A browser asks a host that it does not know for an icon.
    expect((await dashboard.leave()).filter((one) => !one.includes("404"))).to.deep.equal([]);
    await servesAsAccess(app, privateKeyFile);
    await sendsDeliveries(app);
  });

  /** It is asked as the App, and needs no other webhook. */
  async function servesAsAccess(app: FakeApp, privateKeyFile: string): Promise<void> {
    const permissions = { contents: "read", metadata: "read", statuses: "write" };
    app.installations.set(8, { repositories: ["acme/shop"], permissions });
    const access: GithubAppAccess = {
      ...{ kind: "github_app", appId: app.id, privateKeyFile, installationId: null, apiUrl: null },
    };
    const repository = exampleRepository({ url: talk.ci.cloneUrl, access });
    const api = forgetfulGithub().api;
    const forge = api.of(repository);
    const pull = await talk.open("for the App");
    const sha = await pull.merge("squash");
    const status = { sha, context: "ci/mergedock/shop", state: "success", description: "built", url: null } as const;
    await forge?.setStatus(status, signal);
    expect(talk.repository.statuses.get(sha)?.[0]).to.include({ state: "success", creator: `${app.slug}[bot]` });
    const hook = await forge?.appHook?.(signal);
    expect(hook)
      .to.include({ url: talk.ci.app.webhookUrl })
      .and.deep.include({ events: ["pull_request"] });
  }

  async function sendsDeliveries({ hook }: FakeApp): Promise<void> {
    const headers = { "X-GitHub-Hook-Installation-Target-Type": "integration" };
    const payload = (await talk.open("never merged")).payload();
    expect((await talk.ci.deliver({ secret: hook?.secret ?? "", payload, headers })).status).to.equal(202);
  }

  it("is begun again where nobody of this session has begun it, and its page says so", async () => {
    const page = await dashboard.open("/setup/github-app?code=0123&state=of-somebody-else");
    await page.getByRole("alert").getByText("was not begun in this session").waitFor();
    const asked = talk.github.state.asked.filter((one) => one.includes("/app-manifests/0123"));
    expect(asked).to.deep.equal([]);
    expect((await dashboard.leave()).every((one) => one.includes("403"))).to.equal(true);
  });

  it("is the only thing for which a form may leave, and only to the hosts of GitHub", async () => {
    const page = await dashboard.open("/setup");
    const policy = (await page.request.get("/setup")).headers()["content-security-policy"];
    expect(policy).to.contain(`form-action 'self' https://github.com ${talk.github.url};`);
  });
});
