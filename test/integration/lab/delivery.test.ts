import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { Webhooks } from "@octokit/webhooks";
import { expect } from "chai";
import { closedPullRequest } from "../../../lab/pull-request-delivery.ts";
import { sendDelivery } from "../../../lab/send-delivery.ts";

const secret = "It's a Secret to Everybody";
const pullRequest = {
  number: 7,
  title: "Change the message",
  branch: "greet",
  base: "release/1",
  baseSha: "b".repeat(40),
  headSha: "c".repeat(40),
  commits: ["d".repeat(40), "c".repeat(40)],
};
const told = {
  repository: { name: "acme/shop", defaultBranch: "main" },
  cloneUrl: "http://127.0.0.1:1/acme/shop.git",
  pullRequest,
};

describe("a delivery", () => {
  let server: Server;
  let url: string;
  let request: IncomingMessage;
  let body: Buffer;

  beforeEach(async () => {
    server = createServer(async (incoming, response) => {
      request = incoming;
      body = await buffer(incoming);
      response.writeHead(202, { "X-Seen": "yes" }).end('{"verdict":"build"}');
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/github`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it("tells of a merge what GitHub tells", () => {
    const payload = closedPullRequest({ ...told, merge: { mergeCommitSha: "a".repeat(40) } });
    expect(payload).to.deep.include({ action: "closed", number: 7 });
    expect(payload.pull_request).to.include({ number: 7, merged: true, merge_commit_sha: "a".repeat(40), commits: 2 });
    expect(payload.pull_request.base).to.include({ ref: "release/1", sha: "b".repeat(40) });
    expect(payload.pull_request.head).to.include({ ref: "greet", sha: "c".repeat(40) });
    expect(payload.repository).to.include({ full_name: "acme/shop", clone_url: told.cloneUrl, default_branch: "main" });
    expect(payload.repository.owner).to.include({ login: "acme" });
    expect(JSON.stringify(payload)).to.not.include("Hello-World");
  });

  it("tells of a pull request that was closed without merging", () => {
    const { pull_request } = closedPullRequest(told);
    expect(pull_request).to.include({ merged: false, merged_at: null, merged_by: null });
  });

  for (const contentType of ["application/json", "application/x-www-form-urlencoded"] as const) {
    it(`is signed over the bytes that are sent as ${contentType}`, async () => {
      const payload = { zen: "Ünïcode & = +" };
      const answer = await sendDelivery({ url, secret, event: "ping", payload, contentType });
      expect(answer).to.include({ status: 202, body: '{"verdict":"build"}' });
      expect(answer.headers.get("X-Seen")).to.equal("yes");
      expect(request.headers).to.include({ "content-type": contentType, "x-github-event": "ping" });
      expect(request.headers["x-github-delivery"]).to.equal(answer.guid);
      const signature = String(request.headers["x-hub-signature-256"]);
      expect(await new Webhooks({ secret }).verify(body.toString(), signature)).to.equal(true);
      const json =
        contentType === "application/json" ? body.toString() : new URLSearchParams(body.toString()).get("payload");
      expect(JSON.parse(json ?? "")).to.deep.equal(payload);
    });
  }

  it("is not signed without a secret", async () => {
    await sendDelivery({ url, secret: null, event: "ping", payload: {} });
    expect(request.headers).to.not.have.property("x-hub-signature-256");
  });
});
