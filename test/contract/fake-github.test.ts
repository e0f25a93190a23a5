// The fake GitHub itself: whom it lets in, what it refuses, how it counts and fails. Where it is more lenient than GitHub, the tests
// that use it prove nothing.

import { createHash } from "node:crypto";
import { expect } from "chai";
import type { PullHandle } from "../fakes/github/server.ts";
import { FakeGithubTester, signJwt } from "../helpers/fake-github-tester.ts";

const noSha = createHash("sha1").update("no commit").digest("hex");

describe("the fake GitHub", () => {
  let fake: FakeGithubTester;
  let pull: PullHandle;
  let sha: string;
  before(async () => {
    fake = await FakeGithubTester.start();
    pull = await fake.merge();
    sha = pull.mergedSha ?? "";
  });
  after(() => fake.stop());

  const tokenOf = (login: string) => fake.github.giveToken(login);

  describe("lets in", () => {
    it("nobody to a private repository: not by the API, which hides it, and not by git, which asks for a password", async () => {
      expect(await fake.ask("GET ", { token: null })).to.include({ status: 404 });
      expect(await fake.ask("GET ", { token: tokenOf("stranger") })).to.include({ status: 404 });
      expect(await failure(fake.git((url) => ["ls-remote", url], null))).to.contain("could not read Username");
      expect(await failure(fake.git((url) => ["ls-remote", url], tokenOf("stranger")))).to.contain("not found");
    });

    it("its people, by git and by the API, with the same token", async () => {
      const token = tokenOf("reader");
      expect((await fake.ask("GET ", { token })).body).to.include({ full_name: "acme/shop", private: true });
      expect(await fake.git((url) => ["ls-remote", url, "refs/heads/main"], token)).to.contain(sha);
      expect(await fake.git((url) => ["ls-remote", url, "refs/pull/1/head"], token)).to.contain(pull.git.headSha);
    });

    it("anybody to a public repository, but not with a bad token, and not to write", async () => {
      await fake.github.addRepository("acme/open", { "a.txt": "a\n" });
      const about = { token: null };
      expect(await fake.ask("GET //repos/acme/open", about)).to.include({ status: 200 });
      expect(await fake.ask("GET //repos/acme/open", { token: "ghp_wrong" })).to.include({ status: 401 });
      const status = { ...about, body: { state: "success" } };
      expect(await fake.ask(`POST //repos/acme/open/statuses/${sha}`, status)).to.include({ status: 401 });
      expect(await fake.ask("GET //repos/acme/open/hooks", { token: tokenOf("reader") })).to.include({ status: 404 });
    });

    it("no token that has ended, that is unknown, or that is for another repository", async () => {
      const { github } = fake;
      for (const token of ["ghp_unknown", github.giveToken("admin", null, Date.now() - 1_000)]) {
        expect(await fake.ask("GET ", { token }), token).to.include({ status: 401 });
        expect(await failure(fake.git((url) => ["ls-remote", url], token))).to.contain("Authentication failed");
      }
      const other = github.giveToken("admin", ["acme/other"]);
      expect(await fake.ask("GET ", { token: other })).to.include({ status: 404 });
      expect(await failure(fake.git((url) => ["ls-remote", url], other))).to.contain("not found");
    });

    it("readers to comments, writers to statuses, and admins alone to hooks", async () => {
      const comment = { body: { body: "hello" } };
      expect(await fake.ask("POST /issues/1/comments", { ...comment, token: tokenOf("reader") })).to.include({
        status: 201,
      });
      const status = { body: { state: "success" } };
      for (const [login, code] of Object.entries({ reader: 404, octocat: 201 }))
        expect(await fake.ask(`POST /statuses/${sha}`, { ...status, token: tokenOf(login) })).to.include({
          status: code,
        });
      for (const [login, code] of Object.entries({ octocat: 404, admin: 200 }))
        expect(await fake.ask("GET /hooks", { token: tokenOf(login) })).to.include({ status: code });
    });
  });

  describe("refuses, as an App's token is asked for,", () => {
    const now = () => Math.floor(Date.now() / 1000);
    const cases: [string, () => object, string][] = [
      ["a token of the App that has ended", () => ({ exp: now() - 1 }), "('exp') must be"],
      ["one that lasts longer than 10 minutes", () => ({ exp: now() + 700 }), "too far in the future"],
      ["one that was made in the future", () => ({ iat: now() + 60 }), "('iat') must be"],
      ["one without a time", () => ({ iat: undefined }), "('iat') must be"],
      ["one of an App that there is not", () => ({ iss: "1" }), "could not be decoded"],
    ];
    for (const [what, claims, words] of cases) {
      it(what, async () => {
        const app = fake.github.registerApp(`12${cases.findIndex(([one]) => one === what)}`);
        app.installations.set(9, { repositories: ["acme/shop"], permissions: {} });
        const question = "POST //app/installations/9/access_tokens";
        expect(await fake.ask(question, { token: signJwt(app) })).to.include({ status: 201 });
        const told = await fake.ask(question, { token: signJwt(app, claims()) });
        expect(told).to.include({ status: 401 });
        expect(told.body.message).to.contain(words);
      });
    }

    it("one signed by another key, by none, and a person's token", async () => {
      const [app, other] = [fake.github.registerApp("201"), fake.github.registerApp("202")];
      const question = "GET /installation";
      expect(await fake.ask(question, { token: signJwt(app) })).to.include({ status: 404 });
      const [head, claims] = signJwt(app).split(".");
      const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
      const bad = [signJwt({ ...other, id: app.id }), `${head}.${claims}.`, `${none}.${claims}.`, fake.admin];
      for (const token of bad) expect(await fake.ask(question, { token }), token).to.include({ status: 401 });
    });
  });

  it("gives an installation a token for what it reaches and may do, and for an hour", async () => {
    const app = fake.github.registerApp("300");
    const permissions = { contents: "read", statuses: "read", metadata: "read" };
    app.installations.set(30, { repositories: ["acme/shop"], permissions });
    const question = "POST //app/installations/30/access_tokens";
    const token = signJwt(app);
    for (const body of [{ repositories: ["other"] }, { permissions: { statuses: "write" } }])
      expect(await fake.ask(question, { token, body }), JSON.stringify(body)).to.include({ status: 422 });
    expect(await fake.ask("POST //app/installations/31/access_tokens", { token })).to.include({ status: 404 });
    const { body } = await fake.ask(question, { token, body: { repositories: ["shop"] } });
    expect(await fake.git((url) => ["ls-remote", url], body.token)).to.contain(sha);
    const write = await fake.ask(`POST /statuses/${sha}`, { token: body.token, body: { state: "success" } });
    expect(write).to.include({ status: 403 });
    expect(write.body.message).to.equal("Resource not accessible by integration");
    app.installations.set(32, { repositories: ["acme/shop"], permissions: { statuses: "write" } });
    const blind = (await fake.ask("POST //app/installations/32/access_tokens", { token })).body.token;
    expect(await failure(fake.git((url) => ["ls-remote", url], blind))).to.contain("not found");
    fake.github.state.clock.advance(3_600_001);
    expect(await fake.ask("GET ", { token: body.token })).to.include({ status: 401 });
    expect(await failure(fake.git((url) => ["ls-remote", url], body.token))).to.contain("Authentication failed");
    fake.github.state.clock.advance(-3_600_001);
  });

  describe("refuses", () => {
    const statuses: [string, object, string][] = [
      ["a state that there is not", { state: "running" }, "not included in the list"],
      ["a description of 141 characters", { state: "pending", description: "x".repeat(141) }, "maximum is 140"],
    ];
    for (const [what, body, words] of statuses) {
      it(`a status with ${what}`, async () => {
        const told = await fake.ask(`POST /statuses/${sha}`, { body });
        expect(told).to.include({ status: 422 });
        expect(JSON.stringify(told.body)).to.contain(words);
      });
    }

    it("the status of a commit that it does not have, and of a branch", async () => {
      for (const name of [noSha, "main", sha.slice(0, 10)]) {
        const told = await fake.ask(`POST /statuses/${name}`, { body: { state: "success" } });
        expect(told.status, name).to.equal(422);
        expect(JSON.stringify(told.body)).to.contain(`No commit found for SHA: ${name}`);
      }
    });

    it("more than 1,000 statuses of one commit and context", async () => {
      const known = fake.repository.statuses.get(sha) ?? [];
      const of = { description: null, target_url: null, creator: "admin", createdAt: new Date() };
      const many = Array.from({ length: 1_000 }, (_none, id) => ({ id, context: "many", state: "pending", ...of }));
      fake.repository.statuses.set(sha, many);
      const told = await fake.ask(`POST /statuses/${sha}`, { body: { state: "success", context: "many" } });
      expect(told).to.include({ status: 422 });
      expect(await fake.ask(`POST /statuses/${sha}`, { body: { state: "success" } })).to.include({ status: 201 });
      fake.repository.statuses.set(sha, known);
    });

    it("check runs of a person, and those of an App that lack something", async () => {
      const app = fake.github.registerApp("400");
      app.installations.set(40, { repositories: ["acme/shop"], permissions: { checks: "write" } });
      const { token } = (await fake.ask("POST //app/installations/40/access_tokens", { token: signJwt(app) })).body;
      const good = { name: "build", head_sha: sha };
      expect(await fake.ask("POST /check-runs", { body: good })).to.include({ status: 403 });
      const made = await fake.ask("POST /check-runs", { token, body: good });
      expect(made).to.include({ status: 201 });
      const annotation = { path: "Dockerfile", start_line: 1, end_line: 1, annotation_level: "failure", message: "no" };
      const output = { title: "t", summary: "s" };
      const bad: object[] = [
        { status: "completed" },
        { status: "completed", conclusion: "fine" },
        { output: { title: "t" } },
        { output: { ...output, text: "x".repeat(65_536) } },
        { output: { ...output, annotations: Array.from({ length: 51 }, () => annotation) } },
        { output: { ...output, annotations: [{ ...annotation, start_line: undefined }] } },
        { output: { ...output, annotations: [{ ...annotation, annotation_level: "error" }] } },
      ];
      for (const body of bad)
        for (const question of ["POST /check-runs", `PATCH /check-runs/${made.body.id}`])
          expect(
            await fake.ask(question, { token, body: { ...good, ...body } }),
            JSON.stringify(body).slice(0, 80),
          ).to.include({ status: 422 });
      expect(await fake.ask("POST /check-runs", { token, body: { ...good, head_sha: noSha } })).to.include({
        status: 422,
      });
    });

    it("comments that are blank or too long, are on nothing, or are somebody else's", async () => {
      for (const text of ["", "x".repeat(65_537)])
        expect(await fake.ask("POST /issues/1/comments", { body: { body: text } })).to.include({ status: 422 });
      expect(await fake.ask("POST /issues/99/comments", { body: { body: "x" } })).to.include({ status: 404 });
      const { id } = await fake.github.comment("acme/shop", 1, "reader", "mine");
      const change = { token: tokenOf("octocat"), body: { body: "yours" } };
      expect(await fake.ask(`PATCH /issues/comments/${id}`, change)).to.include({ status: 403 });
    });

    it("what is no JSON, a version of the API that it has not, and who does not say what they are", async () => {
      expect(await fake.ask("POST /hooks", { body: "{" })).to.include({ status: 400 });
      expect(await fake.ask("GET ", { headers: { "x-github-api-version": "1999-01-01" } })).to.include({ status: 400 });
      expect(await fake.ask("GET ", { headers: { "user-agent": "" } })).to.include({ status: 403 });
    });
  });
});

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "it was answered",
    (error: Error) => error.message,
  );
}
