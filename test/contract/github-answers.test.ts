// What GitHub answers besides what was asked for: tags, redirects, large numbers, refusals; and what becomes of the token then.

import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { AppError } from "../../ci-server/core/errors.ts";
import type { ForgeRepository } from "../../ci-server/core/ports.ts";
import { createApp } from "../fakes/github/apps.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { fails } from "../helpers/failure.ts";
import { type ForgetfulGithub, forgetfulGithub } from "../helpers/forgetful-github.ts";
import { type Listener, listen } from "../helpers/listener.ts";
import { type ScriptedAnswer, type ScriptedServer, startScriptedServer } from "../helpers/scripted-server.ts";

const { signal } = new AbortController();
const hooks = "GET /api/v3/repos/acme/shop/hooks?per_page=100";

describe("GitHub's answers", () => {
  let folder: string;
  let tokenFile: string;
  let server: ScriptedServer;
  let github: ForgetfulGithub;
  let answer: (asked: string, headers: Readonly<Record<string, unknown>>) => ScriptedAnswer;
  let forge: ForgeRepository;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "github-answers-"));
    tokenFile = join(folder, "token");
    await writeFile(tokenFile, "ghp_first-0123456789\n");
    server = await startScriptedServer((asked, headers) => answer(asked, headers));
    github = forgetfulGithub();
    forge = open();
  });
  afterEach(async () => {
    await github.close();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  function open(change: Parameters<typeof exampleRepository>[0] = {}): ForgeRepository {
    const access = { kind: "token", tokenFile, username: "x-access-token" } as const;
    const found = github.api.of(exampleRepository({ url: `${server.url}/acme/shop.git`, access, ...change }));
    if (found === null) throw new Error("it has an access");
    return found;
  }
  const says = (status: number, message: string, headers: ScriptedAnswer["headers"] = {}) => {
    answer = () => ({ status, body: JSON.stringify({ message }), headers });
  };
  const list = () => forge.hooks.list(signal);

  it("are asked for by their tag, and taken from memory while they are the same", async () => {
    const page = JSON.stringify([
      { id: 9_007_199_254_740_993n.toString(), guid: "g", event: "push", action: null, status_code: 200 },
    ]).replace('"9007199254740993"', "9007199254740993");
    const body = page.replace("200}", '200,"delivered_at":"2026-11-21T12:00:00Z"}');
    const seen: unknown[] = [];
    answer = (_asked, headers) => {
      const tag = headers["if-none-match"];
      seen.push(tag);
      return tag === '"one"' ? { status: 304 } : { status: 200, headers: { etag: '"one"' }, body };
    };
    const { deliveries } = forge.hooks;
    const first = await deliveries?.list("1", new Date(0), 10, signal);
    expect(first?.map(({ id }) => id)).to.deep.equal(["9007199254740993"]);
    expect(await deliveries?.list("1", new Date(0), 10, signal)).to.deep.equal(first);
    await writeFile(tokenFile, "ghp_of-another-person-0123456789");
    expect(seen).to.deep.equal([undefined, '"one"']);
    answer = (_asked, headers) => {
      seen.push(headers["if-none-match"]);
      return { status: 200, body: "[]" };
    };
    expect(await deliveries?.list("1", new Date(0), 10, signal)).to.deep.equal([]);
    expect(seen).to.deep.equal([undefined, '"one"', undefined]);
  });

  it("have payloads with large numbers as they were", async () => {
    const request = '{"headers":{"X-GitHub-Event":"push"},"payload":{"id":9007199254740993,"text":"ü"}}';
    const rest = '"guid":"g","event":"push","action":null,"delivered_at":"2026-11-21T12:00:00Z","status_code":200';
    answer = () => ({ status: 200, body: `{"id":9007199254740993,${rest},"request":${request}}` });
    const sent = await forge.hooks.deliveries?.read("1", "9007199254740993", signal);
    expect(Buffer.from(sent?.body ?? []).toString()).to.equal('{"id":9007199254740993,"text":"ü"}');
    expect(sent?.headers).to.deep.equal({ "x-github-event": "push" });
  });

  it("lead to a renamed repository by its number", async () => {
    const location = "/api/v3/repositories/42/hooks?per_page=100";
    answer = (asked) => (asked === hooks ? { status: 301, headers: { location } } : { status: 200, body: "[]" });
    expect(await list()).to.deep.equal([]);
    expect(server.asked).to.deep.equal([hooks, `GET ${location}`]);
  });

  it("lead to no other host, nor to anything else on this one, and the token goes nowhere", async () => {
    const listener: Listener = await listen();
    for (const location of [`${listener.url}/api/v3/repositories/42/hooks`, "/elsewhere", "//evil.test/"]) {
      answer = () => ({ status: 307, headers: { location } });
      await fails(list(), "invalid", "which is not followed");
    }
    expect(listener.hits).to.deep.equal([]);
    expect(new Set(server.asked)).to.deep.equal(new Set([hooks]));
    await listener.close();
  });

  it("say what to do about an archived repository, single sign-on, and a limit without a header", async () => {
    says(403, "Repository was archived so is read-only.");
    await fails(list(), "forbidden", "the repository is archived: unarchive it");
    says(403, "Resource protected by organization SAML enforcement.");
    await fails(list(), "forbidden", "authorize the token of access.token_file");
    says(403, "Resource not accessible by personal access token", { "x-accepted-github-permissions": "hooks=read" });
    await fails(list(), "forbidden", 'lacks the permission "Webhooks: Read-only"');
    await fails(list(), "forbidden", "(GitHub: hooks=read)");
    says(403, "You have exceeded a secondary rate limit.");
    const error = (await list().catch((thrown: unknown) => thrown)) as AppError; // whatever it is
    expect(error).to.include({ code: "rate_limited" });
    expect(error.details).to.include({ retryAfterMs: 60_000, isSecondary: true });
  });

  it("are waited for until the limit is given back by GitHub's own clock, which may not be ours", async () => {
    const limit = {
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": String(Date.parse("2030-01-01T00:01:30Z") / 1000),
    };
    says(403, "API rate limit exceeded", { ...limit, date: "Tue, 01 Jan 2030 00:00:00 GMT" });
    const error = (await list().catch((thrown: unknown) => thrown)) as AppError; // whatever it is
    expect(error).to.include({ code: "rate_limited" });
    expect(error.details.retryAfterMs).to.equal(90_000);
  });

  it("are asked for once more with the file's new token, where the old one was refused", async () => {
    answer = (_asked, { authorization }) => {
      if (authorization === "Bearer ghp_second-0123456789") return { status: 200, body: "[]" };
      // As if somebody replaced it just now.
      writeFileSync(tokenFile, "ghp_second-0123456789");
      return { status: 401, body: '{"message":"Bad credentials"}' };
    };
    expect(await list()).to.deep.equal([]);
    says(401, "Bad credentials");
    await fails(list(), "unauthorized", `the token of access.token_file (${tokenFile}) is refused`);
    expect(server.asked).to.have.length(3);
  });

  it("are not asked for over http beyond this machine", async () => {
    forge = open({
      access: null,
      url: "http://forge.test/acme/shop.git",
      forge: { name: "github", apiUrl: null, tokenFile },
    });
    await fails(list(), "invalid", "http://forge.test/api/v3: a token is not sent in clear");
  });

  it("repeat no secret of a hook", async () => {
    const secret = "a-secret-of-the-hook-0123456789";
    says(422, `config ${secret} is not fine`);
    const error = await forge.hooks
      .create({ url: "https://ci.test", secret, events: [] }, signal)
      .catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: "invalid" });
    expect(`${String(error)} ${JSON.stringify(error)} ${String((error as Error).cause)}`).to.not.contain(secret);
  });

  it("are read no further than the limit", async () => {
    answer = () => ({ status: 200, body: `["${"x".repeat(2 * 1024 * 1024)}"]` });
    await fails(list(), "invalid", "answers with more than 1048576 bytes (limits.forge_answer_bytes_max)");
  });

  it("say which permission an App lacks, that it is suspended, and are asked by GitHub's clock where ours is wrong", async () => {
    const app = createApp("4711");
    const privateKeyFile = join(folder, "app.pem");
    await writeFile(privateKeyFile, app.privateKey);
    const access = { kind: "github_app", appId: "4711", installationId: 7, privateKeyFile, apiUrl: null } as const;
    forge = open({ access });
    says(422, "The permissions requested are not granted to this installation.");
    await fails(list(), "forbidden", 'app 4711 lacks the permission "Webhooks: Read-only": tick it under "Permissions');
    says(403, "This installation has been suspended");
    await fails(list(), "forbidden", "the installation of app 4711 is suspended");
    const issued: number[] = [];
    answer = (_asked, { authorization }) => {
      const [, claims = ""] = String(authorization).split(".");
      issued.push(JSON.parse(Buffer.from(claims, "base64url").toString()).iat);
      const date = new Date(Date.now() + 3_600_000).toUTCString();
      return { status: 401, headers: { date }, body: '{"message":"too far in the future"}' };
    };
    await fails(
      list(),
      "unauthorized",
      "check access.github_app.app_id, its private_key_file, and this machine's clock",
    );
    expect(issued).to.have.length(2);
    expect((issued[1] ?? 0) - (issued[0] ?? 0)).to.be.within(3_590, 3_610);
  });
});
