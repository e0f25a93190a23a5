import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createLog } from "../../ci-server/adapters/log.ts";
import { createTunnel, describeTunnel } from "../../ci-server/app-tunnel.ts";
import { type Config, loadConfig } from "../../ci-server/config.ts";

const { signal } = new AbortController();
const forges = [{ name: "github" }, { name: "gitea" }];

describe("what the configuration says of the tunnel", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "tunnel-config-"));
    writeFileSync(join(folder, "token"), "2fromTheFile\n");
    writeFileSync(join(folder, "blank"), "\n");
  });
  after(() => rmSync(folder, { recursive: true }));

  const load = (file: object, env: Record<string, string> = {}): Config => {
    writeFileSync(join(folder, "mergedock.yml"), JSON.stringify(file));
    return loadConfig({ folder, env });
  };
  const said = (config: Config) => {
    const log = createLog({ level: "silent" });
    return describeTunnel(createTunnel({ config, log, forges: [] }), forges, signal);
  };

  it("is nothing at first: an agent on this machine is looked for", () => {
    expect(load({}).tunnel).to.deep.equal({
      ...{ type: "auto", agentUrl: "http://127.0.0.1:4040", authtoken: null, domain: null, url: null },
    });
  });

  it("has the token of the environment, else of the file, and none where that is blank", () => {
    const tokenOf = (name: string, env = {}) => load({ tunnel: { authtoken_file: name } }, env).tunnel.authtoken;
    expect(tokenOf("token", { NGROK_AUTHTOKEN: "2fromTheEnvironment" })).to.equal("2fromTheEnvironment");
    expect(tokenOf("token", { NGROK_AUTHTOKEN: " " })).to.equal("2fromTheFile");
    expect(tokenOf("blank")).to.equal(null);
  });

  it("is refused where it cannot be meant, with what to do", () => {
    for (const [tunnel, words] of [
      [{ type: "cloudflare" }, 'tunnel.type: "cloudflare" has to be one of auto, agent, ngrok, smee, none'],
      [{ type: "smee" }, "tunnel.url: belongs to type smee, which needs it: open https://smee.io/new"],
      [{ url: "https://smee.io/abc" }, 'tunnel.url: "https://smee.io/abc" belongs to type smee'],
      [{ domain: "https://a.ngrok-free.dev" }, "has to be a host name, such as example.ngrok-free.dev"],
      [{ agent_url: "4040" }, "has to be a URL, such as http://127.0.0.1:4040"],
      [{ authtoken_file: "nowhere" }, `tunnel.authtoken_file: ${join(folder, "nowhere")} cannot be read (ENOENT)`],
    ] as const)
      expect(() => load({ tunnel }), words).to.throw(words);
  });

  it("is local mode in one line where there is no token or no wish", async () => {
    const localMode = (because: string) =>
      `none (${because}): local mode, the webhook is reachable from this machine only`;
    expect(await said(load({ tunnel: { type: "ngrok" } }))).to.equal(localMode("no NGROK_AUTHTOKEN"));
    const none = load({ tunnel: { type: "none" } }, { NGROK_AUTHTOKEN: "2token" });
    expect(await said(none)).to.equal(localMode("tunnel.type says so"));
  });

  it("steps back behind a proxy of the operator's own", async () => {
    const config = load({ webhooks: { public_url: "https://hooks.example.com" } }, { NGROK_AUTHTOKEN: "2token" });
    const at = "https://hooks.example.com/webhooks";
    expect(await said(config)).to.equal(`${at}/github, ${at}/gitea`);
  });
});
