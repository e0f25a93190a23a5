// What mergedock.yml says of metrics, traces and notifications.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { loadConfig } from "../../ci-server/config.ts";
import type { ObservingConfig } from "../../ci-server/config-observing.ts";

describe("the configuration of metrics, traces and notifications", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "config-observing-"));
    writeFileSync(join(folder, "secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    writeFileSync(join(folder, "weak"), "changeme\n");
    writeFileSync(join(folder, "url"), "https://hooks.chat.test/T0/x\n");
    writeFileSync(join(folder, "no-url"), "hooks.chat.test/T0/very-secret\n");
  });
  after(() => rmSync(folder, { recursive: true }));

  function load(yaml: string, env: Record<string, string> = {}): ObservingConfig {
    writeFileSync(join(folder, "mergedock.yml"), yaml);
    return loadConfig({ env, folder }).observing;
  }

  function mistakes(yaml: string, env: Record<string, string> = {}): string {
    try {
      load(yaml, env);
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  }

  it("tells nobody, traces nothing and keeps its metrics to itself unless it is asked to", () => {
    expect(load("{}")).to.deep.equal({ publicUrl: null, metricsAreOpen: false, tracesUrl: null, channels: [] });
  });

  it("takes the endpoint of traces from the file, or as OpenTelemetry's variables mean it", () => {
    const file = "tracing: { endpoint: 'http://collector.test:4318/' }";
    expect(load(file).tracesUrl).to.equal("http://collector.test:4318/v1/traces");
    expect(load("tracing: { endpoint: 'http://c.test/v1/traces' }").tracesUrl).to.equal("http://c.test/v1/traces");
    expect(load(file, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://env.test/x" }).tracesUrl).to.equal(
      "http://env.test/x/v1/traces",
    );
    const both = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://env.test",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://whole.test/t",
    };
    expect(load(file, both).tracesUrl).to.equal("http://whole.test/t");
    expect(mistakes("{}", { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" })).to.include(
      "OTEL_EXPORTER_OTLP_ENDPOINT: has to be",
    );
  });

  it("takes the address under which people reach it", () => {
    expect(load("public_url: https://ci.example.com/").publicUrl).to.equal("https://ci.example.com");
    expect(load("{}", { MERGEDOCK_PUBLIC_URL: "http://ci.test/x" }).publicUrl).to.equal("http://ci.test/x");
    expect(mistakes("public_url: ci.example.com")).to.include("has to be an http:// or https:// URL");
  });

  it("reads channels, with their secrets from files beside the configuration", () => {
    const { channels } = load(`notifications:
      - { name: chat, type: slack, url_file: url }
      - { name: hook, type: webhook, url: https://x.test/, secret_file: secret, on: [success], repositories: ["acme/*"] }
      - { name: team, type: email, from: ci@acme.test, to: [a@acme.test], smtp: { host: mail.test, username: ci, password_file: secret } }
      - { name: local, type: email, from: ci@acme.test, to: [a@acme.test], smtp: { host: localhost, security: none } }`);
    const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const usual = { on: ["failure", "error", "timeout", "fixed"], repositories: [] };
    expect(channels[0]).to.deep.equal({
      channel: "chat",
      type: "slack",
      ...usual,
      url: "https://hooks.chat.test/T0/x",
    });
    expect(channels[1]).to.deep.equal({
      channel: "hook",
      type: "webhook",
      on: ["success"],
      repositories: ["acme/*"],
      url: "https://x.test/",
      secret,
    });
    const smtp = { host: "mail.test", port: 587, security: "starttls", username: "ci", password: secret, ca: null };
    expect(channels[2]).to.deep.include({ smtp, from: "ci@acme.test", to: ["a@acme.test"] });
    expect(channels[3]).to.deep.include({
      smtp: { ...smtp, host: "localhost", port: 25, security: "none", username: null, password: null },
    });
  });

  const one = (fields: string) => `notifications: [{ name: x, ${fields} }]`;
  const mail = "type: email, from: a@b.test, to: [c@d.test]";
  for (const [yaml, said] of [
    [one("type: pager"), "has to have a type: webhook, slack, email"],
    [one("type: slack"), "needs either url or url_file"],
    [one("type: slack, url: 'https://a.test', url_file: url"), "needs either url or url_file"],
    [one("type: slack, url: 'ftp://a.test'"), "has to be an http:// or https:// URL"],
    [one("type: slack, url: 'https://u:p@a.test'"), "must not hold a user name or a password"],
    [one("type: slack, url_file: missing"), "notifications: x: url_file: "],
    [one("type: slack, url_file: no-url"), "notifications: x: url_file: has to hold one http:// or https:// URL"],
    [one("type: slack, url_file: url, on: [merged]"), "has to be one of success, failure"],
    [one("type: slack, url_file: url, on: []"), "has to name an occasion"],
    [one("type: webhook, url: 'https://a.test'"), "secret_file"],
    [
      one("type: webhook, url: 'https://a.test', secret_file: weak"),
      "notifications: x: secret_file: has to have at least 16",
    ],
    [one(`${mail}, smtp: { host: m.test, username: u }`), "needs both username and password_file"],
    [
      one(`${mail}, smtp: { host: m.test, security: none, username: u, password_file: secret }`),
      "would send the password in the clear",
    ],
    [one("type: email, from: a@b.test, to: ['c@d.test, e@f.test'], smtp: { host: m.test }"), "has to be an address"],
    [
      one('type: email, from: "a@b.test\\nBcc: x@y.test", to: [c@d.test], smtp: { host: m.test }'),
      "has to be an address",
    ],
    [
      "notifications: [{ name: x, type: slack, url_file: url }, { name: x, type: slack, url_file: url }]",
      "stands here twice",
    ],
    ["metrics: { open: maybe }", "metrics.open"],
  ] as const)
    it(`says what is wrong with ${yaml.slice(0, 90)}`, () => {
      const text = mistakes(yaml);
      expect(text).to.include(said);
      expect(text).not.to.include("very-secret");
    });
});
