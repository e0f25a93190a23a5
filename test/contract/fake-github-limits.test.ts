// The fake GitHub under load and in trouble: rate limits, tags of answers, replicas that lag, and faults on purpose.

import { expect } from "chai";
import { documentedContentPerMinute } from "../fakes/github/limits.ts";
import { githubHookRanges } from "../fakes/github/meta.ts";
import { endLag } from "../fakes/github/replica.ts";
import { FakeGithubTester } from "../helpers/fake-github-tester.ts";

describe("the fake GitHub counts", () => {
  let fake: FakeGithubTester;
  beforeEach(async () => {
    fake = await FakeGithubTester.start();
  });
  afterEach(() => fake.stop());

  const left = (headers: Headers) => Number(headers.get("x-ratelimit-remaining"));

  it("every question, good or bad, and says with each answer how many are left, until when", async () => {
    const first = await fake.ask("GET ");
    expect(first.headers.get("x-ratelimit-limit")).to.equal("5000");
    expect(first.headers.get("x-ratelimit-resource")).to.equal("core");
    expect(Number(first.headers.get("x-ratelimit-reset")) * 1_000).to.be.above(Date.now());
    const bad = await fake.ask("GET /none");
    expect([bad.status, left(bad.headers)]).to.deep.equal([404, left(first.headers) - 1]);
    expect(bad.headers.get("x-ratelimit-used")).to.equal("2");
    const nobody = await fake.ask("GET //meta", { token: null });
    expect([nobody.headers.get("x-ratelimit-limit"), left(nobody.headers)]).to.deep.equal(["60", 59]);
  });

  it("not the question how many are left", async () => {
    const { body, headers } = await fake.ask("GET //rate_limit");
    expect(body.rate).to.include({ limit: 5_000, remaining: 5_000, used: 0 }).and.deep.equal(body.resources.core);
    expect(left(headers)).to.equal(5_000);
  });

  it("nothing for what the asker knows already", async () => {
    const { headers } = await fake.ask("GET ");
    const tag = headers.get("etag") ?? "";
    const again = await fake.ask("GET ", { headers: { "if-none-match": tag } });
    expect(again).to.include({ status: 304, body: null });
    expect(left(again.headers)).to.equal(left(headers));
    fake.repository.people.set("octocat", "read");
    const { headers: other } = await fake.ask("GET /collaborators/octocat/permission");
    fake.repository.people.set("octocat", "admin");
    const asked = { headers: { "if-none-match": other.get("etag") ?? "" } };
    expect((await fake.ask("GET /collaborators/octocat/permission", asked)).body).to.include({ permission: "admin" });
  });

  for (const status of [403, 429] as const) {
    it(`each user alone, and answers ${status} with none left until they are given back`, async () => {
      const { limits, clock } = fake.github.state;
      limits.status = status;
      limits.exhaust("admin", 60);
      const told = await fake.ask("GET ");
      expect([told.status, left(told.headers)]).to.deep.equal([status, 0]);
      expect(told.headers.get("retry-after")).to.equal(null);
      expect(told.body.message).to.contain("API rate limit exceeded");
      expect(await fake.ask("GET ", { token: fake.github.giveToken("octocat") })).to.include({ status: 200 });
      clock.advance(60_001);
      expect(await fake.ask("GET ")).to.include({ status: 200 });
    });
  }

  it("what makes content, and asks for a pause with Retry-After: the secondary limit", async () => {
    const { limits, clock } = fake.github.state;
    const pull = await fake.open();
    const question = `POST /issues/${pull.number}/comments`;
    limits.contentPerMinuteMax = documentedContentPerMinute;
    for (let count = 1; count <= documentedContentPerMinute; count += 1)
      expect(await fake.ask(question, { body: { body: "x" } }), `comment ${count}`).to.include({ status: 201 });
    const told = await fake.ask(question, { body: { body: "one more" } });
    expect(told).to.include({ status: 403 });
    expect(told.headers.get("retry-after")).to.equal("60");
    expect(left(told.headers)).to.be.above(0);
    expect(told.body.message).to.contain("secondary rate limit");
    expect(fake.repository.comments.size).to.equal(documentedContentPerMinute);
    expect(await fake.ask("GET ")).to.include({ status: 200 });
    limits.pause(5);
    expect((await fake.ask("GET ")).headers.get("retry-after")).to.equal("5");
    clock.advance(60_001);
    expect(await fake.ask(question, { body: { body: "one more" } })).to.include({ status: 201 });
  });

  it("says whose a token is, and gives lists page by page", async () => {
    expect((await fake.ask("GET //user")).body).to.include({ login: "admin", type: "User" });
    expect(await fake.ask("GET //user", { token: null })).to.include({ status: 401 });
    const { number } = await fake.open();
    for (const body of ["one", "two", "three"]) await fake.github.comment("acme/shop", number, "octocat", body);
    const first = await fake.ask(`GET /issues/${number}/comments?per_page=2`);
    expect(first.headers.get("link")).to.match(/\?per_page=2&page=2>; rel="next", <.+&page=2>; rel="last"$/);
    const second = await fake.ask(`GET /issues/${number}/comments?per_page=2&page=2`);
    expect([...first.list, ...second.list].map(({ body }) => body)).to.deep.equal(["one", "two", "three"]);
    expect(second.headers.get("link")).to.equal(null);
  });

  it("says where its deliveries come from", async () => {
    expect((await fake.ask("GET //meta", { token: null })).body.hooks).to.deep.equal(githubHookRanges);
    fake.github.state.hookRanges = ["127.0.0.0/8"];
    expect((await fake.ask("GET //meta")).body.hooks).to.deep.equal(["127.0.0.0/8"]);
  });
});

describe("the fake GitHub in trouble", () => {
  let fake: FakeGithubTester;
  beforeEach(async () => {
    fake = await FakeGithubTester.start();
  });
  afterEach(() => fake.stop());

  const failing = (work: Promise<unknown>) => work.then(String, ({ message }: Error) => message);
  const statusOf = (sha: string) => fake.ask(`POST /statuses/${sha}`, { body: { state: "success" } });

  it("does not have a merge yet where its replicas lag: not for git, and not for the API", async () => {
    const before = await fake.repository.git.resolve("main");
    const main = (url: string) => ["ls-remote", url, "refs/heads/main"] as const;
    fake.github.state.lagMs = 3_600_000;
    const { mergedSha } = await fake.merge();
    const sha = mergedSha ?? "";
    expect(await fake.repository.git.resolve("main"), "in the repository").to.equal(sha);
    expect(await fake.git(main)).to.contain(before);
    await fake.git(() => ["init", "--quiet", "clone"]);
    const fetching = (url: string) => ["-C", "clone", "fetch", url, sha] as const;
    expect(await failing(fake.git(fetching))).to.contain(`not our ref ${sha}`);
    expect(JSON.stringify((await statusOf(sha)).body)).to.contain(`No commit found for SHA: ${sha}`);
    expect(await statusOf(before)).to.include({ status: 201 });
    endLag(fake.repository);
    expect(await fake.git(main)).to.contain(sha);
    await fake.git(fetching);
    expect(await statusOf(sha)).to.include({ status: 201 });
  });

  it("catches up by itself, with all that was merged meanwhile", async () => {
    const main = () => fake.git((url) => ["ls-remote", url, "refs/heads/main"]);
    const before = await main();
    fake.github.state.lagMs = 3_600_000;
    await fake.merge();
    expect(await main()).to.equal(before);
    fake.github.state.lagMs = 50;
    const { mergedSha } = await fake.merge();
    let seen = await main();
    while (seen === before) seen = await main();
    expect(seen).to.contain(mergedSha);
  });

  it("fails the next requests, of the API and of git each for itself", async () => {
    const { faults } = fake.github.state;
    faults.next = { status: 502, times: 1 };
    faults.nextGit = { status: 503, times: 1 };
    expect(await fake.ask("GET ")).to.include({ status: 502 });
    expect(await fake.ask("GET ")).to.include({ status: 200 });
    expect(await failing(fake.git((url) => ["ls-remote", url]))).to.contain("503");
    expect(await fake.git((url) => ["ls-remote", url])).to.contain("refs/heads/main");
    expect(faults.failed).to.equal(2);
  });

  it("fails every third request, now and then", async () => {
    fake.github.state.faults.everyNth = { n: 3, status: 500 };
    const seen: number[] = [];
    for (let index = 0; index < 6; index += 1) seen.push((await fake.ask("GET ")).status);
    expect(seen).to.deep.equal([200, 200, 500, 200, 200, 500]);
  });
});
