// What certs/ makes: files that a strict client accepts, made once, with the right modes.

import { X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { expect } from "chai";
import { makeAll } from "../../certs/make-all.ts";
import { makeCertificates } from "../../certs/make-certs.ts";
import { makeRegistryCredentials } from "../../certs/make-credentials.ts";

const hosts = ["localhost", "registry", "127.0.0.1"];

describe("certificates and credentials", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mergedock-certs-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("makes a certificate that a client trusts under each of its names through the CA alone", async () => {
    const { caFile } = await makeCertificates({ folder, hosts });
    const ca = await readFile(caFile, "utf8");
    for (const host of hosts) expect(await handshake(folder, ca, host), host).to.equal("trusted");
    expect(await handshake(folder, ca, "elsewhere")).to.equal("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await handshake(folder, undefined, "localhost")).to.match(/SELF_SIGNED|UNABLE_TO/);
  });

  it("keeps keys and hashes to their owner and leaves no drafts behind", async () => {
    await makeCertificates({ folder, hosts });
    await makeRegistryCredentials({ folder, username: "ci" });
    const modes = await Promise.all(
      (await readdir(folder))
        .sort()
        .map(async (name) => `${name} ${((await stat(join(folder, name))).mode & 0o777).toString(8)}`),
    );
    expect(modes).to.deep.equal([
      "ca.crt 644",
      "ca.key 600",
      "htpasswd 600",
      "registry-password 600",
      "registry.crt 644",
      "registry.key 600",
    ]);
  });

  it("changes nothing the second time, and agrees with others who make them at the same time", async () => {
    const make = () =>
      Promise.all([makeCertificates({ folder, hosts }), makeRegistryCredentials({ folder, username: "ci" })]);
    await Promise.all(Array.from({ length: 8 }, make));
    const before = await contents(folder);
    await make();
    expect(await contents(folder)).to.deep.equal(before);
    expect(
      new X509Certificate(before["registry.crt"] ?? "").checkIssued(new X509Certificate(before["ca.crt"] ?? "")),
    ).to.equal(true);
  });

  it("makes the leaf anew, under the same CA, for another host and before it expires", async () => {
    await makeCertificates({ folder, hosts: ["localhost"] });
    const first = await contents(folder);
    await makeCertificates({ folder, hosts: ["localhost", "registry.example.org"] });
    const second = await contents(folder);
    expect(new X509Certificate(second["registry.crt"] ?? "").checkHost("registry.example.org")).to.equal(
      "registry.example.org",
    );
    const later = new Date(Date.now() + 800 * 24 * 3600 * 1000);
    await makeCertificates({ folder, hosts: ["localhost"], now: later });
    const third = await contents(folder);
    expect(new X509Certificate(third["registry.crt"] ?? "").validToDate.getTime()).to.be.above(later.getTime());
    expect([second["ca.crt"], third["ca.crt"]]).to.deep.equal([first["ca.crt"], first["ca.crt"]]);
  });

  it("makes the leaf anew when the CA is another one", async () => {
    await makeCertificates({ folder, hosts });
    await Promise.all(["ca.crt", "ca.key"].map((name) => rm(join(folder, name))));
    const { caFile } = await makeCertificates({ folder, hosts });
    expect(await handshake(folder, await readFile(caFile, "utf8"), "registry")).to.equal("trusted");
  });

  it("needs the CA's key only to sign, and says so when it is not there", async () => {
    await makeCertificates({ folder, hosts });
    await rm(join(folder, "ca.key"));
    await makeCertificates({ folder, hosts });
    const refusal = await makeCertificates({ folder, hosts: ["other"] }).catch((error: Error) => error.message);
    expect(refusal).to.match(/ca\.key is missing or is not the key of ca\.crt/);
  });

  it("hashes the password as the registry reads it, and anew when the password was replaced", async () => {
    const { passwordFile, htpasswdFile } = await makeRegistryCredentials({ folder, username: "ci" });
    const password = await readFile(passwordFile, "utf8");
    const [name, hash] = (await readFile(htpasswdFile, "utf8")).trim().split(":");
    expect(name).to.equal("ci");
    expect(password).to.match(/^[\w-]{32}$/);
    expect(hash).to.match(/^\$2y\$/);
    expect(await bcrypt.compare(password, hash ?? "")).to.equal(true);
    await writeFile(passwordFile, "another-password");
    await makeRegistryCredentials({ folder, username: "ci" });
    const renewed = (await readFile(htpasswdFile, "utf8")).trim().split(":")[1];
    expect(await bcrypt.compare("another-password", renewed ?? "")).to.equal(true);
  });

  it("hands each service its own files, owner-only, and keeps every secret at the next start", async () => {
    const vault = join(folder, "vault");
    const registry = join(folder, "registry");
    const server = join(folder, "server");
    const owner = process.getuid?.() ?? 0;
    const audiences = [
      { folder: registry, owner, files: ["registry.key", "htpasswd"] },
      { folder: server, owner, files: ["admin-token", "database-url"] },
    ];
    for (const audience of audiences) await mkdir(audience.folder);
    await makeAll({ vault, hosts, audiences });
    const first = await contents(server);
    expect(Object.keys(await contents(registry))).to.deep.equal(["htpasswd", "registry.key"]);
    expect(first["database-url"]).to.match(/^postgres:\/\/mergedock:[\w-]{43}@postgres:5432\/mergedock$/);
    expect((await stat(join(server, "admin-token"))).mode & 0o777).to.equal(0o400);
    await makeAll({ vault, hosts, audiences });
    expect(await contents(server)).to.deep.equal(first);
  });
});

/** "trusted", or the code with which the client refuses the server that shows the certificate in `folder`. */
async function handshake(folder: string, ca: string | undefined, host: string): Promise<string> {
  const key = await readFile(join(folder, "registry.key"));
  const server = createServer({ key, cert: await readFile(join(folder, "registry.crt")) }, (_, answer) => answer.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo;
  const verdict = await new Promise<string>((resolve) => {
    const call = request({
      host,
      port,
      agent: false,
      ...(ca && { ca }),
      lookup: (_, __, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
    });
    call.on("response", (answer) => answer.resume().on("end", () => resolve("trusted")));
    call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end();
  });
  await new Promise((resolve) => server.close(resolve));
  return verdict;
}

async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), "utf8")])),
  );
}
