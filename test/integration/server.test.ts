// The server as an operator starts it: `node ci-server/main.ts` in a folder, with nothing prepared.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { root } from "../helpers/folders.ts";

interface Running {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly exit: Promise<number | null>;
}

describe("the server", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "server-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function start(env: Record<string, string> = {}): Running {
    const listen = { MERGEDOCK_LISTEN_API: "127.0.0.1:0", MERGEDOCK_LISTEN_WEBHOOKS: "127.0.0.1:0" };
    const options = { cwd: folder, env: { PATH: process.env.PATH, ...listen, ...env } };
    const child = spawn(process.execPath, [join(root, "ci-server/main.ts")], options);
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      output.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output.stderr += chunk;
    });
    const exit = once(child, "close").then(([code]) => code as number | null);
    return { child, output, exit };
  }

  /** The report's last line stands there once the server serves. */
  async function ready({ child, output, exit }: Running): Promise<string> {
    while (!output.stdout.includes("\nrepositories")) {
      await Promise.race([once(child.stdout ?? child, "data"), exit]);
      if (child.exitCode !== null) throw new Error(`it ended: ${output.stderr}`);
    }
    return output.stdout;
  }

  async function stop(running: Running): Promise<number | null> {
    running.child.kill("SIGTERM");
    return running.exit;
  }

  it("makes what is missing, says where it listens and what it found, and ends with 0", async () => {
    const running = start();
    const report = await ready(running);
    expect(report).to.match(
      /^webhooks +http:\/\/127\.0\.0\.1:\d+\/webhooks\/github {2}\(secret: .*state\/secrets\/webhook-secret\)$/m,
    );
    expect(report).to.match(/^api +http:\/\/127\.0\.0\.1:\d+\/api\/v1 {2}\(token: .*state\/secrets\/admin-token\)$/m);
    expect(report).to.match(
      /^engine +NOT USABLE: the Docker engine at unix:\/\/\/var\/run\/docker\.sock cannot be reached/m,
    );
    expect(report).to.match(/^registry +NOT USABLE: the registry https:\/\/localhost:5000 cannot be reached/m);
    expect(report).to.match(/^database +PostgreSQL 18/m);
    expect(report).to.match(/^tunnel +none .*local mode/m);
    expect(report).to.match(/^repositories none yet: list them under "repositories" in mergedock\.yml$/m);
    expect(await stop(running)).to.equal(0);
  });

  it("T30: generates its secrets, for its owner's eyes only and never in what it prints, and keeps them", async () => {
    const first = start({ MERGEDOCK_LOG_LEVEL: "trace" });
    await ready(first);
    await stop(first);
    const secrets = await secretFiles(join(folder, "state"));
    expect(Object.keys(secrets).map((name) => name.slice(name.indexOf("state/")))).to.have.members([
      ...["state/secrets/webhook-secret", "state/secrets/admin-token", "state/registry/registry-password"],
      ...["state/registry/htpasswd", "state/certs/ca.key", "state/certs/registry.key"],
    ]);
    for (const [name, text] of Object.entries(secrets)) {
      expect((await stat(name)).mode & 0o777, name).to.equal(0o600);
      expect(first.output.stdout + first.output.stderr, name).to.not.contain(text);
    }
    const second = start();
    await ready(second);
    await stop(second);
    expect(await secretFiles(join(folder, "state"))).to.deep.equal(secrets);
  });

  it("goes on with the database of a server that was killed", async () => {
    const first = start();
    await ready(first);
    first.child.kill("SIGKILL");
    await first.exit;
    const second = start();
    expect(await ready(second)).to.match(/^database +PostgreSQL 18/m);
    expect(await stop(second)).to.equal(0);
  });

  it("refuses a configuration with mistakes, all of them at once, with exit code 2", async () => {
    await writeFile(join(folder, "mergedock.yml"), 'listen: { api: "x" }\nrepositories: [{ name: shop, url: "y" }]\n');
    const { output, exit } = start();
    expect(await exit).to.equal(2);
    for (const where of ["repositories[0].name:", "repositories[0].url:"]) expect(output.stderr).to.contain(where);
    expect(output.stdout).to.equal("");
  });

  it("says that the database cannot be used", async () => {
    const { output, exit } = start({ DATABASE_URL: "postgres://127.0.0.1:1/none" });
    expect(await exit).to.equal(3);
    expect(output.stderr).to.equal(
      "mergedock: the database cannot be used (connect ECONNREFUSED 127.0.0.1:1); does PostgreSQL run, and is DATABASE_URL right?\n",
    );
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
  const secret = (await Promise.all(files)).flat().filter((file) => !file.endsWith(".crt"));
  return Object.fromEntries(
    await Promise.all(secret.map(async (file) => [file, (await readFile(file, "utf8")).trim()])),
  );
}
