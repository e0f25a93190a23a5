// What GitHub gives for the code of an App that it has made, as far as the fake has no reason to say it.

import { generateKeyPairSync } from "node:crypto";
import { expect } from "chai";
import { appHosts } from "../../ci-server/core/app-manifest.ts";
import { convertManifest } from "../../ci-server/forges/github/manifest.ts";
import { fails } from "../helpers/failure.ts";
import { type ScriptedServer, startScriptedServer } from "../helpers/scripted-server.ts";

const { signal } = new AbortController();
const forge = { name: "github", apiUrl: null, tokenFile: null } as const;

describe("a GitHub App that was made", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  let webhookSecret: string | null;
  let github: ScriptedServer;
  before(async () => {
    github = await startScriptedServer(() => {
      const app = { id: 7, slug: "shop", html_url: `${github.url}/apps/shop`, pem, webhook_secret: webhookSecret };
      return { status: 201, body: JSON.stringify(app) };
    });
  });
  after(() => github.stop());

  it("T3: brings no secret that is empty or can be guessed: whoever signs with it would be believed", async () => {
    for (const weak of ["", " ".repeat(40), "s".repeat(15)]) {
      webhookSecret = weak;
      await fails(convertManifest(github.url, "code", signal), "unavailable", "the App's webhook secret is too weak");
    }
    webhookSecret = "0123456789abcdef0123";
    expect((await convertManifest(github.url, "code", signal)).webhookSecret).to.equal(webhookSecret);
    webhookSecret = null;
    expect((await convertManifest(github.url, "code", signal)).webhookSecret).to.equal(null);
  });

  it("is made at no host to which its key would travel in clear", () => {
    const urls = ["http://git.acme.test/acme/shop.git", "https://ghe.acme.test/acme/shop.git", "ssh://git@a.test/a/b"];
    const hosts = appHosts(urls.map((url) => ({ url, forge })));
    expect(hosts).to.deep.equal(["https://github.com", "https://ghe.acme.test", "https://a.test"]);
  });
});
