// An Enterprise Server whose certificate is of a CA of its own is asked where NODE_EXTRA_CA_CERTS names that CA, and not otherwise.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { makeCertificates } from "../../certs/make-certs.ts";

const program = join(import.meta.dirname, "../helpers/list-hooks.ts");

describe("a GitHub with a CA of its own", function () {
  this.timeout(20_000);
  let folder: string;
  let ca: string;
  let server: Server;
  let tokens: (string | undefined)[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "github-ca-"));
    const files = await makeCertificates({ folder, hosts: ["localhost"] });
    ca = files.caFile;
    tokens = [];
    const [key, cert] = await Promise.all([readFile(files.keyFile), readFile(files.certFile)]);
    server = createServer({ key, cert }, ({ headers }, response) => {
      tokens.push(headers.authorization);
      response.writeHead(200, { "content-type": "application/json" }).end("[]");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    await writeFile(join(folder, "token"), "ghp_0123456789");
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  async function ask(env: Readonly<Record<string, string>>): Promise<unknown> {
    // A listening TCP server has an address with a port.
    const url = `https://localhost:${(server.address() as AddressInfo).port}/api/v3`;
    const { stdout } = await promisify(execFile)(process.execPath, [program, url, join(folder, "token")], { env });
    return JSON.parse(stdout);
  }

  it("is asked where its CA is named", async () => {
    expect(await ask({ NODE_EXTRA_CA_CERTS: ca })).to.deep.equal([]);
    expect(tokens).to.deep.equal(["Bearer ghp_0123456789"]);
  });

  it("gets no token otherwise, and the message says what to name", async () => {
    tokens.length = 0;
    expect(await ask({})).to.match(/does not answer as GitHub does .*NODE_EXTRA_CA_CERTS/);
    expect(tokens).to.deep.equal([]);
  });
});
