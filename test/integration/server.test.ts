// The server as an operator starts it: `node ci-server/main.ts` in a folder, with nothing prepared.

import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Client } from "pg";
import { startEmbeddedPostgres } from "../../ci-server/adapters/postgres/embedded.ts";
import { sendDelivery } from "../../lab/send-delivery.ts";
import { type ServerProcess, startServer } from "../helpers/server-process.ts";

describe("the server", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "server-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function start(env: Record<string, string> = {}): ServerProcess {
    return startServer(folder, env);
  }

  it("makes what is missing, says where it listens and what it found, and ends with 0", async () => {
    const running = start();
    const report = await running.ready();
    expect(report).to.match(
      /^webhooks +http:\/\/127\.0\.0\.1:\d+\/webhooks\/github {2}\(secret: .*state\/secrets\/webhook-secret\)$/m,
    );
    expect(report).to.match(/^api +http:\/\/127\.0\.0\.1:\d+\/api\/v1 {2}\(token: .*state\/secrets\/admin-token\)$/m);
    expect(report).to.match(
      /^engine +NOT USABLE: the Docker engine at unix:\/\/\/var\/run\/docker\.sock cannot be reached/m,
    );
    expect(report).to.match(/^registry +NOT USABLE: the registry https:\/\/localhost:5000 cannot be reached/m);
    expect(report).to.match(/^ +README\.md, "Use it", says how to start one/m);
    expect(report).to.match(/^dashboard +http:\/\/127\.0\.0\.1:\d+\/ {2}\(sign in with the token below\)\n^api /m);
    expect(report).to.match(/^database +PostgreSQL 18/m);
    expect(report).to.match(/^tunnel +none .*local mode/m);
    expect(report).to.match(/^repositories none yet: list them under "repositories" in mergedock\.yml$/m);
    expect(await running.stop()).to.equal(0);
  });

  it("T30: generates its secrets, for its owner's eyes only and never in what it prints, and keeps them", async () => {
    const first = start({ MERGEDOCK_LOG_LEVEL: "trace" });
    await first.ready();
    await first.stop();
    const secrets = await secretFiles(join(folder, "state"));
    expect(Object.keys(secrets).map((name) => name.slice(name.indexOf("state/")))).to.have.members([
      ...["state/secrets/webhook-secret", "state/secrets/admin-token", "state/registry/registry-password"],
      ...["state/registry/htpasswd", "state/certs/ca.key", "state/certs/registry.key"],
      "state/secrets/attestation-key.pem",
    ]);
    for (const [name, text] of Object.entries(secrets)) {
      expect((await stat(name)).mode & 0o777, name).to.equal(0o600);
      expect(first.output.stdout + first.output.stderr, name).to.not.contain(text);
    }
    const second = start();
    await second.ready();
    await second.stop();
    expect(await secretFiles(join(folder, "state"))).to.deep.equal(secrets);
  });

  it("goes on with the database of a server that was killed", async () => {
    const first = start();
    await first.ready();
    first.child.kill("SIGKILL");
    await first.exit;
    const second = start();
    expect(await second.ready()).to.match(/^database +PostgreSQL 18/m);
    expect(await second.stop()).to.equal(0);
  });

  it("refuses a configuration with mistakes, all of them at once, with exit code 2", async () => {
    await writeFile(join(folder, "mergedock.yml"), 'listen: { api: "x" }\nrepositories: [{ name: shop, url: "y" }]\n');
    const { output, exit } = start();
    expect(await exit).to.equal(2);
    for (const where of ["repositories[0].name:", "repositories[0].url:"]) expect(output.stderr).to.contain(where);
    expect(output.stdout).to.equal("");
  });

  it("refuses a command line that it does not know, with the usage and exit code 2", async () => {
    for (const [args, words] of [
      [["bulid"], "unknown command 'bulid'"],
      [["serve", "--rule", "x"], "'--rule'"],
      [["serve", "--role"], "'--role <role>'"],
      [["serve", "--role", "boss"], "Allowed choices are all, receiver, worker"],
    ] as const) {
      const { output, exit } = startServer(folder, {}, args);
      expect(await exit, args.join(" ")).to.equal(2);
      expect(output.stderr).to.contain(words);
    }
  });

  for (const name of ["MERGEDOCK_WEBHOOK_SECRETS", "MERGEDOCK_ADMIN_TOKEN"]) {
    for (const secret of ["", " ", "changeme"]) {
      it(`T3: does not start with ${name}=${JSON.stringify(secret)}, and says whose mistake it is`, async () => {
        const { output, exit } = start({ [name]: secret });
        expect(await exit).to.equal(2);
        expect(output.stderr).to.match(new RegExp(`^  ${name}: has to have at least 16 characters; .+$`, "m"));
        expect(await readdir(folder)).to.deep.equal([]);
      });
    }
  }

  it("T3: refuses a secret file of its own that is blank, and names it", async () => {
    await mkdir(join(folder, "state/secrets"), { recursive: true });
    await writeFile(join(folder, "state/secrets/webhook-secret"), "\n");
    const { output, exit } = start();
    expect(await exit).to.equal(2);
    expect(output.stderr).to.contain(`${folder}/state/secrets/webhook-secret: has to have at least 16 characters`);
  });

  it("refuses a state folder that another server uses, and leaves that one's database alone", async () => {
    const first = start();
    const report = await first.ready();
    const second = start();
    expect(await second.exit).to.equal(3);
    expect(second.output.stderr).to.equal(
      `mergedock: another Mergedock (pid ${first.child.pid}) uses ${folder}/state; stop it, or choose another state_dir\n`,
    );
    const api = new URL(/^api +(\S+)/m.exec(report)?.[1] ?? "").origin;
    const ready = (await (await fetch(`${api}/readyz`)).json()) as { checks: { database: { ok: boolean } } };
    expect(ready.checks.database.ok).to.equal(true);
    expect(await first.stop()).to.equal(0);
  });

  it("survives the end of its database, says so, and starts it again", async () => {
    const server = start({ MERGEDOCK_WEBHOOK_SECRETS: "the hook's secret of the tests" });
    const url = /^webhooks +(\S+)/m.exec(await server.ready())?.[1] ?? "";
    const postmaster = Number.parseInt(await readFile(join(folder, "state/postgres/data/postmaster.pid"), "utf8"), 10);
    const ping = () =>
      sendDelivery({ url, secret: "the hook's secret of the tests", event: "ping", payload: { zen: "x", hook_id: 1 } });
    const before = Array.from({ length: 16 }, ping);
    process.kill(postmaster, "SIGQUIT");
    for (const { status } of await Promise.all(before)) expect(status).to.be.oneOf([200, 503]);
    while (existsSync(`/proc/${postmaster}`)) await new Promise((resolve) => setImmediate(resolve));
    const answer = await ping();
    expect([answer.status, answer.headers.get("retry-after")]).to.deep.equal([503, "5"]);
    expect(answer.body).to.contain("the database cannot be used");
    const deadline = performance.now() + 20_000;
    while ((await ping()).status !== 200 && performance.now() < deadline);
    expect((await ping()).status).to.equal(200);
    expect(server.child.exitCode).to.equal(null);
    await server.stop();
  });

  it("names a ca_file that cannot be read", async () => {
    const { output, exit } = start({ MERGEDOCK_REGISTRY_CA_FILE: "/nowhere/ca.crt" });
    expect(await exit).to.equal(2);
    expect(output.stderr).to.equal("mergedock: registry.ca_file: /nowhere/ca.crt cannot be read (ENOENT)\n");
  });

  it("says that the database cannot be used", async () => {
    const { output, exit } = start({ DATABASE_URL: "postgres://127.0.0.1:1/none" });
    expect(await exit).to.equal(3);
    expect(output.stderr).to.equal(
      "mergedock: the database cannot be used (connect ECONNREFUSED 127.0.0.1:1); does PostgreSQL run, and is DATABASE_URL right?\n",
    );
  });

  it("says that the database has no connection left, and ends, whatever it had got so far", async () => {
    const database = await startEmbeddedPostgres(join(folder, "postgres"));
    const clients: Client[] = [];
    const take = async () => {
      const client = new Client(database.connection);
      await client.connect();
      clients.push(client);
    };
    while (
      await take().then(
        () => true,
        () => false,
      )
    );
    const env = {
      DATABASE_URL: `postgres://mergedock@localhost/postgres?host=${encodeURIComponent(database.connection.host)}`,
    };
    for (let free = 0; free < 4; free += 1) {
      const { output, exit } = start(env);
      expect(await exit, `${free} free`).to.equal(3);
      expect(output.stderr).to.contain("the database cannot be used (sorry, too many clients already)");
      await clients.pop()?.end();
    }
    await Promise.all(clients.map((client) => client.end()));
    await database.stop();
  });

  it("says that its address is taken, and leaves no database behind", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const { output, exit } = start({ MERGEDOCK_LISTEN_API: `127.0.0.1:${port}` });
    expect(await exit).to.equal(3);
    expect(output.stderr).to.equal(
      `mergedock: cannot listen on 127.0.0.1:${port}: something else listens there; choose another address under "listen"\n`,
    );
    other.close();
  });
});

/** Everything below the state folder that holds a secret. */
async function secretFiles(state: string): Promise<Record<string, string>> {
  const files = ["secrets", "registry", "certs"].map(async (name) =>
    (await readdir(join(state, name))).map((file) => join(state, name, file)),
  );
  const secret = (await Promise.all(files)).flat().filter((file) => !/\.(?:crt|pub\.pem)$/.test(file));
  return Object.fromEntries(
    await Promise.all(secret.map(async (file) => [file, (await readFile(file, "utf8")).trim()])),
  );
}
