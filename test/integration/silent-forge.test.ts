// A server that is stopped while its forge takes questions and answers none.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester } from "../helpers/github-tester.ts";

/** Far below what a question to a forge may take, and far above what a machine under load needs. */
const stopMsMax = 15_000;

describe("a server whose forge does not answer", function () {
  this.timeout(60_000);
  const asked: string[] = [];
  let silent: Server;
  let talk: GithubTester;
  before(async () => {
    silent = createServer(({ method, url }) => void asked.push(`${method} ${url}`));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo; // of a TCP listener
    talk = await GithubTester.start({
      rules: { commands: true, api: { url: `http://127.0.0.1:${port}/api/v3` } },
      limits: { forge_seconds_max: 60, report_seconds_max: 60 },
    });
    for (const hook of talk.repository.hooks.values()) hook.events = ["pull_request", "issue_comment"];
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(async () => {
    await talk.stop();
    silent.closeAllConnections();
    silent.close();
    await once(silent, "close");
  });

  it("ends within seconds when it is stopped, whatever it is asking", async () => {
    const pull = await talk.merge();
    await talk.built(pull);
    await talk.github.comment("acme/shop", pull.number, "octocat", "/mergedock rebuild");
    const rotating = talk.ci.post("/hooks/rotate-secret", {}).catch(() => null);
    const isAsking = (what: RegExp, times = 1) => asked.filter((one) => what.test(one)).length >= times;
    await talk.until(
      () => isAsking(/\/statuses\//) && isAsking(/\/permission$/) && isAsking(/\/hooks\?/, 2),
      (areAll) => areAll,
    );
    const began = performance.now();
    await talk.ci.stopServer();
    expect(performance.now() - began).to.be.below(stopMsMax);
    await rotating;
  });
});
