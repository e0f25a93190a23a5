// The fake GitHub's hooks: what they are sent, what is kept of each attempt, and that both have the shapes that GitHub publishes.

import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import type { components } from "@octokit/openapi-types";
import { expect } from "chai";
import { type FakeReceiver, startFakeReceiver } from "../fakes/receiver.ts";
import { FakeGithubTester, signJwt } from "../helpers/fake-github-tester.ts";

type Schemas = components["schemas"];
/** The names of the fields that are always there: the compiler sees to it that none is missing from a list of them. */
type Always<T> = { [K in keyof T as undefined extends T[K] ? never : K]: true };
type Json = Readonly<Record<string, unknown>>;

const secret = "the secret of the hook";
const dayMs = 24 * 3_600_000;

const item: Always<Schemas["hook-delivery-item"]> = {
  ...{ id: true, guid: true, delivered_at: true, redelivery: true, duration: true, status: true, status_code: true },
  ...{ event: true, action: true, installation_id: true, repository_id: true },
};
const hook: Always<Schemas["hook"]> = {
  ...{ type: true, id: true, name: true, active: true, events: true, config: true, updated_at: true, created_at: true },
  ...{ url: true, test_url: true, ping_url: true, last_response: true },
};
const status: Always<Schemas["status"]> = {
  ...{ url: true, avatar_url: true, id: true, node_id: true, state: true, description: true, target_url: true },
  ...{ context: true, created_at: true, updated_at: true, creator: true },
};
const comment: Always<Schemas["issue-comment"]> = {
  ...{ id: true, node_id: true, url: true, html_url: true, user: true, created_at: true, updated_at: true },
  issue_url: true,
};
const check: Always<Schemas["check-run"]> = {
  ...{ id: true, head_sha: true, node_id: true, external_id: true, url: true, html_url: true, details_url: true },
  ...{ status: true, conclusion: true, started_at: true, completed_at: true, output: true, name: true },
  ...{ check_suite: true, app: true, pull_requests: true },
};
const token: Always<Schemas["installation-token"]> = { token: true, expires_at: true };
const may: Always<Schemas["repository-collaborator-permission"]> = { permission: true, role_name: true, user: true };

describe("the fake GitHub's hooks", () => {
  let fake: FakeGithubTester;
  let receiver: FakeReceiver;
  beforeEach(async () => {
    [fake, receiver] = await Promise.all([FakeGithubTester.start(), startFakeReceiver()]);
  });
  afterEach(async () => {
    await Promise.all([receiver.stop(), fake.stop()]);
  });

  const deliveries = async (id: number, query = "") => (await fake.ask(`GET /hooks/${id}/deliveries${query}`)).body;

  it("are pinged when they are made, and then told of all that happens, signed", async () => {
    await fake.addHook(`${receiver.url}/hook`, ["*"]);
    const pull = await fake.open();
    await pull.push({ files: { "b.txt": "b\n" }, message: "Add b" });
    await pull.merge("rebase");
    await fake.github.comment("acme/shop", pull.number, "octocat", "nice");
    const told = receiver.received.map(({ headers, body }) => [headers["x-github-event"], JSON.parse(body).action]);
    expect(told.filter(([event]) => event !== "push")).to.deep.equal([
      ["ping", undefined],
      ["pull_request", "opened"],
      ["pull_request", "synchronize"],
      ["pull_request", "closed"],
      ["issue_comment", "created"],
    ]);
    expect(told).to.deep.include(["push", undefined]);
    for (const { headers, body } of receiver.received) {
      const mac = (hash: string) => createHmac(hash, secret).update(body).digest("hex");
      expect(headers["x-hub-signature-256"]).to.equal(`sha256=${mac("sha256")}`);
      expect(headers["x-hub-signature"]).to.equal(`sha1=${mac("sha1")}`);
      expect(headers["user-agent"]).to.match(/^GitHub-Hookshot\//);
      expect(headers).to.include.keys("x-github-delivery", "x-github-hook-id", "x-github-hook-installation-target-id");
    }
  });

  it("hear only of the events that they want, and of none while they are switched off", async () => {
    const id = await fake.addHook(receiver.url, ["push"]);
    await fake.merge();
    await fake.ask(`PATCH /hooks/${id}`, { body: { active: false } });
    await fake.merge();
    expect(receiver.received.map(({ headers }) => headers["x-github-event"])).to.deep.equal(["ping", "push"]);
  });

  it("get payloads with every field that the real examples have", async () => {
    await fake.addHook(receiver.url, ["*"]);
    const pull = await fake.open();
    await pull.push({ files: { "b.txt": "b\n" }, message: "Add b" });
    await pull.merge();
    await (await fake.open()).close();
    await fake.github.comment("acme/shop", pull.number, "octocat", "nice");
    expect(receiver.received).to.have.length(8);
    for (const { headers, body } of receiver.received) {
      const payload = JSON.parse(body);
      const event = String(headers["x-github-event"]);
      const missing = missingOf(payload, alwaysIn(event, payload.action));
      expect(missing, `${event} ${payload.action ?? ""}`).to.deep.equal([]);
    }
  });

  it("say of a pull request what has become of it", async () => {
    const pull = await fake.merge();
    const { body } = await fake.ask(`GET /pulls/${pull.number}`);
    expect(body).to.include({ state: "closed", merged: true, merge_commit_sha: pull.mergedSha });
    const other = await fake.open();
    expect((await fake.ask(`GET /pulls/${other.number}`)).body).to.include({ state: "open", merged: false });
    await other.close();
    const closed = (await fake.ask(`GET /pulls/${other.number}`)).body;
    expect(closed).to.include({ state: "closed", merged: false, merge_commit_sha: null, merged_at: null });
  });

  it("keep each attempt: answered, refused, redirected, too late, or by nobody", async () => {
    fake.github.state.deliveryMs = 100;
    const id = await fake.addHook(receiver.url);
    receiver.answers.push(202, 503, 302, 0);
    for (let index = 0; index < 4; index += 1) await fake.open();
    await receiver.stop();
    await fake.open();
    receiver = await startFakeReceiver();
    const kept = (await deliveries(id)).toReversed().map((one: Json) => [one.event, one.status_code, one.status]);
    expect(kept).to.deep.equal([
      ["ping", 200, "OK"],
      ["pull_request", 202, "OK"],
      ["pull_request", 503, "Invalid HTTP Response: 503"],
      ["pull_request", 302, "Invalid HTTP Response: 302"],
      ["pull_request", 0, "timed out"],
      ["pull_request", 0, "failed to connect"],
    ]);
    expect(receiver.received.filter(({ path }) => path === "/elsewhere")).to.deep.equal([]);
  });

  it("send one again with the same id and the same bytes, as an attempt of its own", async () => {
    const id = await fake.addHook(receiver.url);
    receiver.answers.push(500);
    await fake.open();
    const [failed] = await deliveries(id);
    expect(await fake.ask(`POST /hooks/${id}/deliveries/${failed.id}/attempts`)).to.include({ status: 202 });
    await fake.github.settled();
    const [again, before] = await deliveries(id);
    expect([again.guid, again.redelivery, again.status_code]).to.deep.equal([failed.guid, true, 200]);
    expect([before.id, before.redelivery]).to.deep.equal([failed.id, false]);
    const [, first, second] = receiver.received;
    expect(second?.body).to.equal(first?.body);
    expect(second?.headers["x-github-delivery"]).to.equal(first?.headers["x-github-delivery"]);
    expect(again.id).to.be.above(2 ** 31);
  });

  it("list what they sent newest first, page by page, for three days", async () => {
    const id = await fake.addHook(receiver.url);
    for (let index = 0; index < 4; index += 1) await fake.open();
    const all: Json[] = await deliveries(id);
    const first = await fake.ask(`GET /hooks/${id}/deliveries?per_page=3`);
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
    const rest = await deliveries(id, `${new URL(next).search}&per_page=3`);
    expect([...first.body, ...rest]).to.deep.equal(all);
    expect(all.map((one) => one.id)).to.deep.equal(all.map((one) => Number(one.id)).toSorted((a, b) => b - a));
    fake.github.state.clock.advance(3 * dayMs + 60_000);
    expect(await deliveries(id)).to.deep.equal([]);
    for (const question of [
      `GET /hooks/${id}/deliveries/${all[0]?.id}`,
      `POST /hooks/${id}/deliveries/${all[0]?.id}/attempts`,
    ])
      expect(await fake.ask(question)).to.include({ status: 404 });
  });

  it("are refused where they lack an address, are there already, or want what there is not", async () => {
    const config = { url: receiver.url, content_type: "json" };
    const bad: Json[] = [
      ...[{}, { config: { url: "shop.example" } }, { config: { ...config, content_type: "xml" } }],
      { config, events: ["pull_requests"] },
    ];
    for (const body of bad)
      expect(await fake.ask("POST /hooks", { body }), JSON.stringify(body)).to.include({ status: 422 });
    const id = await fake.addHook(receiver.url);
    expect(await fake.ask("POST /hooks", { body: { config } })).to.include({ status: 422 });
    expect(await fake.ask(`PATCH /hooks/${id}`, { body: { events: ["merge"] } })).to.include({ status: 422 });
  });

  it("answer with every field that GitHub's published schema has, and with no secret", async () => {
    const id = await fake.addHook(receiver.url);
    const { number, mergedSha } = await fake.merge();
    const { body: shown } = await fake.ask(`GET /hooks`);
    expect(shown[0]).to.include.keys(...Object.keys(hook));
    expect(JSON.stringify(shown)).to.not.contain(secret);
    const [sent] = await deliveries(id);
    expect(sent).to.include.keys(...Object.keys(item));
    const { body: whole } = await fake.ask(`GET /hooks/${id}/deliveries/${sent.id}`);
    expect(whole).to.include.keys(...Object.keys(item), "request", "response");
    expect(whole.request.payload).to.deep.equal(JSON.parse(receiver.received.at(-1)?.body ?? ""));
    expect(JSON.stringify(whole)).to.not.contain(secret);
    fake.github.state.faults.lostPayloads.add(sent.guid);
    expect(await fake.ask(`GET /hooks/${id}/deliveries/${sent.id}`)).to.include({ status: 404 });
    const made = await fake.ask(`POST /statuses/${mergedSha}`, { body: { state: "success" } });
    expect(made.body).to.include.keys(...Object.keys(status));
    const said = await fake.ask(`POST /issues/${number}/comments`, { body: { body: "x" } });
    expect(said.body).to.include.keys(...Object.keys(comment));
    expect((await fake.ask("GET /collaborators/octocat/permission")).body).to.include.keys(...Object.keys(may));
  });

  it("answer an App with every field of the published schema", async () => {
    const { mergedSha } = await fake.merge();
    const app = fake.github.registerApp("500");
    app.installations.set(5, { repositories: ["acme/shop"], permissions: { checks: "write" } });
    const given = await fake.ask("POST //app/installations/5/access_tokens", { token: signJwt(app) });
    expect(given.body).to.include.keys(...Object.keys(token));
    const body = { name: "build", head_sha: mergedSha };
    const made = await fake.ask("POST /check-runs", { token: given.body.token, body });
    expect(made.body).to.include.keys(...Object.keys(check));
  });
});

/** Paths of the fields that all real examples of this event and action have, two levels deep. */
function alwaysIn(event: string, action: unknown): string[] {
  const events: readonly { name: string; examples: readonly Json[] }[] = createRequire(import.meta.url)(
    "@octokit/webhooks-examples",
  );
  const examples = events.find(({ name }) => name === event)?.examples ?? [];
  const paths = examples.filter((one) => one.action === action).map(pathsOf);
  // An App's hook and an organization's repository have these too.
  const others = /^(?:installation|organization)\b/;
  // Only a repository's own hook is pinged here, whose examples come first.
  const [first = [], ...rest] = event === "ping" ? paths.slice(0, 1) : paths;
  expect(first, `${event} ${action}`).to.not.deep.equal([]);
  return first.filter((path) => !others.test(path) && rest.every((one) => one.includes(path)));
}

function pathsOf(json: Json): string[] {
  return Object.entries(json).flatMap(([name, value]) => [
    name,
    ...(isObject(value) ? Object.keys(value).map((below) => `${name}.${below}`) : []),
  ]);
}

function missingOf(json: Json, paths: readonly string[]): string[] {
  const there = new Set(pathsOf(json));
  return paths.filter((path) => !there.has(path));
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
