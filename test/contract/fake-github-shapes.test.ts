// The shapes of what the fake GitHub sends and answers: every field that the real examples and GitHub's published schema have.

import { createRequire } from "node:module";
import type { components } from "@octokit/openapi-types";
import { expect } from "chai";
import { type FakeReceiver, startFakeReceiver } from "../fakes/receiver.ts";
import { FakeGithubTester, type Fields, signJwt } from "../helpers/fake-github-tester.ts";

type Schemas = components["schemas"];
/** The names of the fields that are always there: the compiler sees to it that none is missing from a list of them. */
type Always<T> = { [K in keyof T as undefined extends T[K] ? never : K]: true };
type Json = Readonly<Record<string, unknown>>;

const secret = "the secret of the hook";

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

describe("the fake GitHub's shapes", () => {
  let fake: FakeGithubTester;
  let receiver: FakeReceiver;
  beforeEach(async () => {
    [fake, receiver] = await Promise.all([FakeGithubTester.start(), startFakeReceiver()]);
  });
  afterEach(async () => {
    await Promise.all([receiver.stop(), fake.stop()]);
  });

  it("are those of the real examples, in every payload that is sent", async () => {
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

  it("are those of the published schema, in every answer, and hold no secret", async () => {
    const id = await fake.addHook(receiver.url);
    const { number, mergedSha } = await fake.merge();
    const { list: shown } = await fake.ask("GET /hooks");
    expect(shown[0]).to.include.keys(...Object.keys(hook));
    expect(JSON.stringify(shown)).to.not.contain(secret);
    const [sent] = (await fake.ask(`GET /hooks/${id}/deliveries`)).list as [Fields]; // it was just sent
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

  it("are those of the published schema for an App", async () => {
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
