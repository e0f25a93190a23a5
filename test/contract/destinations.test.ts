// What core/ports/destinations.ts promises, held between two real registries.

import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { makeCertificates } from "../../certs/make-certs.ts";
import { createDestinations } from "../../ci-server/adapters/registry-copy.ts";
import { createRegistryHttp, type RegistryHttp } from "../../ci-server/adapters/registry-http.ts";
import type { CopyRequest } from "../../ci-server/core/ports.ts";
import { fails } from "../helpers/failure.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { type OtherRegistry, startOtherRegistry } from "../helpers/other-registry.ts";
import { pushTinyImage } from "../helpers/tiny-image.ts";

const never = new AbortController().signal;
const timeoutMs = 5_000;

describe("Destinations by copying", function () {
  this.timeout(60_000);
  let lab: Lab;
  let folder: string;
  let other: OtherRegistry;
  let clients: RegistryHttp[];
  let own: RegistryHttp;
  let ca: string;
  let digest: string;
  let lines: string[];
  before(async () => {
    lab = await useLab();
    folder = await mkdtemp(join(tmpdir(), "destinations-"));
    ca = await readFile(lab.registry.caFile, "utf8");
    other = await startOtherRegistry(lab, folder);
    digest = await pushTinyImage(lab, "contract/copied", "one");
  });
  beforeEach(() => {
    lines = [];
    clients = [];
    own = client(lab.registry.host, lab.account);
  });
  afterEach(() => {
    for (const one of clients) one.close();
  });
  after(async () => {
    await other?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function client(host: string, credentials: Account, change: object = {}): RegistryHttp {
    const made = createRegistryHttp({
      host,
      settings: "other",
      apiUrl: `https://${host}`,
      ca,
      credentials,
      timeoutMs,
      ...change,
    });
    clients.push(made);
    return made;
  }

  function request(change: Partial<CopyRequest> = {}): CopyRequest {
    return {
      ...{ image: "contract/copied", digest, destination: `${other.host}/team/shop`, tags: ["1.0.0", "latest"] },
      ...{ immutable: [], fence: async () => undefined, signal: never, log: (line: string) => lines.push(line) },
      ...change,
    };
  }

  async function digestThere(reference: string): Promise<string | undefined> {
    const path = `/v2/team/shop/manifests/${reference}`;
    const accept = { accept: "application/vnd.oci.image.manifest.v1+json" };
    const there = client(other.host, other);
    const answer = await there.read({ method: "GET", path, headers: accept, scope: "", signal: never });
    return answer.headers["docker-content-digest"] as string | undefined; // one value, as the specification says
  }

  it("brings an image there unchanged, under its tags, and sends nothing twice", async () => {
    const destinations = createDestinations({ own, others: [client(other.host, other)] });
    await destinations.copy(request());
    expect([await digestThere("1.0.0"), await digestThere("latest")]).to.deep.equal([digest, digest]);
    expect(lines).to.have.length(1);
    await destinations.copy(request());
    expect(lines).to.have.length(1);
  });

  it("T27: lets a version there be what it was, and moves the other tags", async () => {
    const destinations = createDestinations({ own, others: [client(other.host, other)] });
    await destinations.copy(request({ immutable: ["1.0.0"] }));
    // The same content under other annotations is what it was, and stays as it is.
    const annotated = await pushTinyImage(lab, "contract/copied", "annotated");
    await destinations.copy(request({ digest: annotated, immutable: ["1.0.0"], tags: ["1.0.0"] }));
    expect(await digestThere("1.0.0")).to.equal(digest);
    const changed = await pushTinyImage(lab, "contract/copied", "two", "oci", '{"os":"linux"}');
    const copy = request({ digest: changed, immutable: ["1.0.0"] });
    await fails(destinations.copy(copy), "conflict", `tag_exists: ${other.host}/team/shop:1.0.0 names ${digest}`);
    expect(await digestThere("latest")).to.equal(digest);
    await destinations.copy(request({ digest: changed, tags: ["latest"] }));
    expect([await digestThere("1.0.0"), await digestThere("latest")]).to.deep.equal([digest, changed]);
  });

  it("writes no manifest without a look at the lease", async () => {
    const destinations = createDestinations({ own, others: [client(other.host, other)] });
    const fence = () => Promise.reject(new Error("taken over"));
    const copy = request({ destination: `${other.host}/team/fenced`, fence });
    const error = await destinations.copy(copy).catch((thrown: Error) => thrown.message);
    expect(error).to.equal("taken over");
  });

  it("refuses a registry that nobody configured, a wrong password and another CA, and says what to do", async () => {
    const copyWith = (others: RegistryHttp[]) => createDestinations({ own, others }).copy(request());
    await fails(copyWith([]), "invalid", `registry ${other.host} is not configured; add it under "registries"`);
    const wrong = client(other.host, { username: "other", password: "wrong" });
    await fails(
      copyWith([wrong]),
      "unauthorized",
      'refuses user "other"; check other.username and other.password_file',
    );
    const made = await makeCertificates({ folder: join(folder, "else"), hosts: ["localhost"] });
    const untrusted = client(other.host, other, { ca: await readFile(made.caFile, "utf8") });
    await fails(copyWith([untrusted]), "forbidden", "is not signed by the configured CA");
    const gone = client(other.host, other, { apiUrl: "https://127.0.0.1:1" });
    await fails(copyWith([gone]), "unavailable", "cannot be reached");
  });

  it("gets a token where the registry asks for one, for exactly what it does, and hears how long to wait", async () => {
    const fake = await startFakeTokenRegistry(lab);
    try {
      const signedIn = client("tokens.test", other, { apiUrl: fake.url });
      const scope = "repository:team/shop:pull,push";
      const call = { method: "GET", path: "/v2/team/shop/manifests/latest", scope, signal: never } as const;
      for (const status of [200, 200]) expect((await signedIn.read(call)).status).to.equal(status);
      expect(fake.asked).to.deep.equal([`other ${scope}`]);
      await fails(
        createDestinations({ own, others: [signedIn] }).copy(request({ destination: "tokens.test/team/shop" })),
        "unavailable",
        "with 429",
      );
    } finally {
      await fake.stop();
    }
  });
});

type Account = { readonly username: string; readonly password: string };

/** A fake of the hub's way to sign in: a token for each scope, given for the account's password; what is to be written is too much. */
async function startFakeTokenRegistry(
  lab: Lab,
): Promise<{ readonly url: string; readonly asked: string[]; stop(): Promise<void> }> {
  const asked: string[] = [];
  const [cert, key] = await Promise.all(
    [lab.certificates.certFile, lab.certificates.keyFile].map((file) => readFile(file, "utf8")),
  );
  const tokens = new Map<string, string>();
  const server = createServer({ cert, key }, (request, response) => {
    const url = new URL(request.url ?? "/", "https://fake.test");
    const authorization = request.headers.authorization ?? "";
    if (url.pathname === "/token") {
      const [username] = Buffer.from(authorization.replace("Basic ", ""), "base64").toString().split(":");
      const scope = url.searchParams.get("scope") ?? "";
      asked.push(`${username} ${scope}`);
      tokens.set(`Bearer ${tokens.size}`, scope);
      return response.end(JSON.stringify({ token: String(tokens.size - 1) }));
    }
    if (!tokens.has(authorization)) {
      const realm = `https://${request.headers.host}/token`;
      return response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="fake"` }).end();
    }
    const status = request.method === "GET" ? 200 : 429;
    return response.writeHead(status, { "retry-after": "7" }).end("{}");
  });
  server.listen(0, new URL(lab.registry.apiUrl).hostname);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // of a TCP server
  return {
    url: `https://${new URL(lab.registry.apiUrl).hostname}:${port}`,
    asked,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
