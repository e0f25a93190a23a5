import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { makeCertificates } from "../../../certs/make-certs.ts";
import { registryAddress } from "../../../lab/registry-address.ts";
import { createRepository } from "../../../lab/sample-repository.ts";
import { trustRegistry } from "../../../lab/trust-registry.ts";
import { archive } from "../../helpers/archive.ts";
import { runFolder } from "../../helpers/folders.ts";
import { type Lab, useLab } from "../../helpers/lab.ts";

describe("the registry", () => {
  const folder = join(runFolder, "registry-test");
  let lab: Lab;
  let image: string;

  before(async () => {
    lab = await useLab();
    image = `${lab.registry.host}/lab/sample`;
    const repository = await createRepository({ root: folder, name: "lab/sample", files: { file: "content" } });
    await text(await lab.docker.importImage(archive(repository.folder, "main"), { repo: image, tag: "1" }));
  });
  after(async () => {
    await lab.docker.getImage(`${image}:1`).remove({ force: true });
    await rm(folder, { recursive: true });
  });
  afterEach(() => trustRegistry(lab.registry));

  it("refuses the anonymous", async () => {
    const { statusCode, headers } = await get("/v2/", { ca: await readFile(lab.registry.caFile) });
    expect(statusCode).to.equal(401);
    expect(headers["www-authenticate"]).to.equal('Basic realm="mergedock"');
  });

  it("is not believed by a client that does not know its CA", async () => {
    const error = await get("/v2/").catch((reason) => reason);
    expect(error.code).to.equal("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  });

  it("refuses plain http", async () => {
    const asked = plainRequest(`http://${lab.registry.host}/v2/`, { agent: false }).end();
    const [response] = await once(asked, "response");
    expect(response.statusCode).to.equal(400);
    expect(await text(response)).to.include("HTTP request to an HTTPS server");
  });

  it("takes what the engine pushes, and has it under the digest that the engine names", async () => {
    const pushed = await push();
    const digest = pushed.match(/sha256:[0-9a-f]{64}/)?.[0];
    const { statusCode, headers } = await get(`/v2/lab/sample/manifests/${digest}`, {
      ca: await readFile(lab.registry.caFile),
      auth: `${lab.account.username}:${lab.account.password}`,
      headers: { Accept: "application/vnd.docker.distribution.manifest.v2+json" },
    });
    expect(statusCode).to.equal(200);
    expect(headers["docker-content-digest"]).to.equal(digest);
  });

  it("is refused by an engine that trusts another CA", async () => {
    const hosts = [registryAddress.hostName];
    const { caFile } = await makeCertificates({ folder: join(folder, "other-ca"), hosts });
    await trustRegistry({ host: lab.registry.host, caFile });
    expect(await push()).to.match(/"error":"Get .*x509: certificate signed by unknown authority/);
  });

  it("refuses a push with a wrong password", async () => {
    expect(await push("wrong")).to.match(/"error":"unauthorized: authentication required"/);
  });

  async function push(password = lab.account.password): Promise<string> {
    const authconfig = { username: lab.account.username, password, serveraddress: lab.registry.host };
    return text(await lab.docker.getImage(image).push({ tag: "1", authconfig }));
  }

  async function get(path: string, options = {}): Promise<IncomingMessage> {
    const asked = tlsRequest(`${lab.registry.apiUrl}${path}`, { agent: false, ...options }).end();
    const [response] = await once(asked, "response");
    return response.resume();
  }
});
