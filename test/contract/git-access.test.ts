// What core/ports/git.ts promises of private repositories: who is let in, what is never shown, and to whom no secret is sent.

import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Access } from "../../ci-server/core/access.ts";
import type { AppError } from "../../ci-server/core/errors.ts";
import { makeKey, type SshServer, startSshServer } from "../../lab/ssh-server.ts";
import type { FakeApp } from "../fakes/github/apps.ts";
import { FakeGithub } from "../fakes/github/server.ts";
import { fails } from "../helpers/failure.ts";
import { type ForgetfulGithub, forgetfulGithub } from "../helpers/forgetful-github.ts";
import { GitTester, textOf } from "../helpers/git-tester.ts";
import { listen } from "../helpers/listener.ts";

const token = "glpat-of-the-tests-0123456789";

describe("Git, with a token", () => {
  let admitted: string;
  let arguments_: string[];
  let tester: GitTester;
  let tokenFile: string;
  beforeEach(async () => {
    admitted = `x-access-token:${token}`;
    arguments_ = [];
    const admits = (credentials: string) => {
      arguments_.push(...commandLines());
      return credentials === admitted;
    };
    tester = await GitTester.start({ server: { admits } });
    tokenFile = await tester.file("token", `${token}\n`);
  });
  afterEach(() => tester.stop());

  const withToken = (more: object = {}): { access: Access } => ({
    access: { kind: "token", tokenFile, username: "x-access-token", ...more },
  });

  it("fetches what nobody else may read, with the first request", async () => {
    expect(await textOf(await tester.checkout(withToken()), "a.txt")).to.equal("one\n");
    expect(tester.server.requests.map(({ credentials }) => credentials)).to.not.include("");
  });

  it("takes the user name that GitLab or Gitea wants", async () => {
    admitted = `oauth2:${token}`;
    expect((await tester.checkout(withToken({ username: "oauth2" }))).sha).to.match(/^[0-9a-f]{40}$/);
  });

  it("shows the token to nobody: not in arguments, not on the disk, not in the log, not in an error", async () => {
    await tester.checkout(withToken());
    admitted = "";
    const error = await tester.checkout(withToken()).catch((thrown: AppError) => thrown);
    const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
    const disk = await textOfAll(join(tester.folder, "state"));
    const shown = [...arguments_, ...tester.lines, disk, everythingOf(error)].join("\n");
    expect(shown).to.not.contain(token).and.not.contain(basic);
    expect(arguments_.join("\n")).to.contain("git fetch");
    expect(tester.git.secretsOf("Acme/Shop")).to.deep.equal([token, basic]);
  });

  it("shows no token that the host itself sends back", async () => {
    const beside = ({ headers }: IncomingMessage, response: ServerResponse) => {
      const sent = Buffer.from(String(headers.authorization).slice("Basic ".length), "base64").toString();
      response.writeHead(500, { "content-type": "text/plain" }).end(`fatal: ${headers.authorization} is ${sent}\n`);
      return true;
    };
    const telling = await GitTester.start({ server: { beside } });
    const error = await telling.checkout(withToken()).catch((thrown: AppError) => thrown);
    await telling.stop();
    expect(everythingOf(error)).to.contain("Basic *** is x-access-token:***").and.not.contain(token);
    expect(everythingOf(error)).to.not.contain(Buffer.from(`x-access-token:${token}`).toString("base64"));
  });

  it("fails at once with the setting's name when the token is wrong, and takes a new one without a restart", async () => {
    await writeFile(tokenFile, "another-token");
    await fails(tester.checkout(withToken()), "unauthorized", `refuses the token of access.token_file (${tokenFile})`);
    await writeFile(tokenFile, token);
    expect(await textOf(await tester.checkout(withToken()), "a.txt")).to.equal("one\n");
  });

  it("says what to do where there is no access", async () => {
    await fails(tester.checkout(), "unauthorized", 'or acme/shop needs "access" in mergedock.yml');
  });

  const useless: [string, string, string][] = [
    ["is empty", " \n", "is empty; write the token into it"],
    ["has two lines", "one\ntwo", "one token in one line and nothing else"],
    ["would add a header", `x${"\r\n"}X-Evil: 1`, "one token in one line and nothing else"],
  ];
  for (const [what, text, words] of useless) {
    it(`sends nothing when the file ${what}`, async () => {
      await writeFile(tokenFile, text);
      await fails(tester.checkout(withToken()), "unauthorized", `access.token_file: ${tokenFile} `);
      await fails(tester.checkout(withToken()), "unauthorized", words);
      expect(tester.server.requests).to.deep.equal([]);
    });
  }

  it("names a file that is not there", async () => {
    await rm(tokenFile);
    await fails(tester.checkout(withToken()), "unauthorized", `${tokenFile} cannot be read (ENOENT)`);
  });

  it("T13: is never sent where a redirect leads", async () => {
    const listener = await listen();
    const redirecting = await listen(listener.url);
    const url = `${redirecting.url}/acme/shop.git`;
    await fails(tester.checkout({ ...withToken(), url }), "invalid", "answers with a redirect, which is not followed");
    expect(redirecting.credentials).to.have.length(1);
    expect(listener.hits).to.deep.equal([]);
    await Promise.all([listener.close(), redirecting.close()]);
  });
});

describe("Git, as a GitHub App", () => {
  const permissions = { contents: "read", metadata: "read" };
  let folder: string;
  let github: FakeGithub;
  let app: FakeApp;
  let forge: ForgetfulGithub;
  let tester: GitTester;
  let keyFile: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "git-access-"));
    github = await FakeGithub.start(folder);
    app = github.registerApp("4711");
    app.installations.set(7, { repositories: ["acme/shop", "acme/other"], permissions });
    const admits = (credentials: string) => {
      const [user, secret = ""] = credentials.split(":");
      return user === "x-access-token" && github.admits(secret, "acme/shop");
    };
    forge = forgetfulGithub();
    tester = await GitTester.start({ server: { admits }, git: { tokens: forge.tokens } });
    keyFile = await tester.file("app.pem", app.privateKey);
  });
  afterEach(async () => {
    await Promise.all([tester.stop(), forge.close(), github.stop()]);
    await rm(folder, { recursive: true });
  });

  const asApp = (more: object = {}): { access: Access } => ({
    access: {
      ...{ kind: "github_app", appId: app.id, installationId: null, privateKeyFile: keyFile, apiUrl: github.apiUrl },
      ...more,
    },
  });

  it("finds its installation and gets a token for the one repository, which it keeps", async () => {
    expect(await textOf(await tester.checkout(asApp()), "a.txt")).to.equal("one\n");
    await tester.checkout(asApp());
    expect(github.state.asked).to.deep.equal([
      "GET /repos/acme/shop/installation 200",
      "POST /app/installations/7/access_tokens 201",
    ]);
    const [sent = ""] = tester.git.secretsOf("acme/shop");
    expect(github.admits(sent, "acme/shop")).to.equal(true);
    expect(github.admits(sent, "acme/other")).to.equal(false);
  });

  it("asks for a new token before the old one ends", async () => {
    app.tokenMs = 4 * 60_000;
    await tester.checkout(asApp({ installationId: 7 }));
    await tester.checkout(asApp({ installationId: 7 }));
    const asked = "POST /app/installations/7/access_tokens 201";
    expect(github.state.asked).to.deep.equal([asked, asked]);
  });

  it("asks for a new token after one was refused", async () => {
    await tester.checkout(asApp());
    github.revoke();
    await fails(tester.checkout(asApp()), "unauthorized", "refuses the token of app 4711; give the app the permission");
    expect((await tester.checkout(asApp())).sha).to.match(/^[0-9a-f]{40}$/);
  });

  it("says what is wrong with the app, its installation or its key", async () => {
    await fails(tester.checkout(asApp({ appId: "1" })), "unauthorized", "check access.github_app.app_id");
    await fails(tester.checkout(asApp({ installationId: 8 })), "not_found", "has no installation 8");
    app.installations.set(7, { repositories: ["acme/other"], permissions });
    await fails(tester.checkout(asApp()), "not_found", "is not installed where");
    await fails(
      tester.checkout(asApp({ installationId: 7 })),
      "not_found",
      "let its installation reach the repository",
    );
    await writeFile(keyFile, "no key");
    await fails(tester.checkout(asApp()), "unauthorized", `${keyFile} is not an RSA key in PEM`);
    await github.stop();
    await writeFile(keyFile, app.privateKey);
    await fails(tester.checkout(asApp()), "unavailable", "does not answer as GitHub does");
    expect(tester.server.requests).to.deep.equal([]);
  });
});

describe("Git, with a deploy key", function () {
  this.timeout(60_000);
  let tester: GitTester;
  let server: SshServer;
  beforeEach(async () => {
    tester = await GitTester.start();
    server = await startSshServer({ root: join(tester.folder, "forge"), folder: join(tester.folder, "ssh") });
  });
  afterEach(async () => {
    await server.stop();
    await tester.stop();
  });

  const withKey = (more: object = {}) => ({
    url: `${server.url}/acme/shop.git`,
    access: {
      kind: "deploy_key",
      deployKeyFile: server.keyFile,
      knownHostsFile: server.knownHostsFile,
      ...more,
    } as const,
  });

  it("fetches over ssh from a host whose key is known", async () => {
    expect(await textOf(await tester.checkout(withKey()), "a.txt")).to.equal("one\n");
  });

  it("takes files with blanks and quotes in their names", async () => {
    const deployKeyFile = await tester.file("the 'deploy' 100% key", await readFile(server.keyFile, "utf8"));
    const knownHostsFile = await tester.file("known 'hosts'", await readFile(server.knownHostsFile, "utf8"));
    expect((await tester.checkout(withKey({ deployKeyFile, knownHostsFile }))).sha).to.match(/^[0-9a-f]{40}$/);
    const evil = await tester.file('a"b', "");
    await fails(tester.checkout(withKey({ knownHostsFile: evil })), "unauthorized", "must not have");
  });

  it("sends nothing to a host whose key is not the known one", async () => {
    await writeFile(server.knownHostsFile, "");
    await fails(tester.checkout(withKey()), "forbidden", "is not the one in access.known_hosts_file");
    const other = await makeKey(join(tester.folder, "ssh"), "other-host");
    const [kind, key] = (await readFile(`${other}.pub`, "utf8")).split(" ");
    await writeFile(server.knownHostsFile, `[127.0.0.1]:${new URL(server.url).port} ${kind} ${key}\n`);
    await fails(tester.checkout(withKey()), "forbidden", "is not the one in access.known_hosts_file");
  });

  it("says which key is refused, which is not there, and which others may read", async () => {
    const other = await makeKey(join(tester.folder, "ssh"), "other");
    await fails(tester.checkout(withKey({ deployKeyFile: other })), "unauthorized", `(${other}); add its public half`);
    await fails(tester.checkout(withKey({ deployKeyFile: "/none" })), "unauthorized", "access.deploy_key_file: /none");
    await chmod(server.keyFile, 0o640);
    await fails(tester.checkout(withKey()), "unauthorized", `run: chmod 600 ${server.keyFile}`);
    chmodSync(server.keyFile, 0o600);
    await fails(tester.checkout({ ...withKey(), url: `${server.url}/acme/none.git` }), "not_found", "no repository at");
  });
});

/** Of every process that this one can see. */
function commandLines(): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
      return "";
    }
  });
}

async function textOfAll(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return (await Promise.all(files.map((file) => readFile(file, "latin1")))).join("\n");
}

/** An error with its causes, as a log would have it. */
function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? "";
  return [error.message, error.stack, JSON.stringify(error), everythingOf(error.cause)].join("\n");
}
