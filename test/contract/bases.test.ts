// What core/ports.ts promises of Bases, held by every implementation.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { pack } from "tar-fs";
import { makeCertificates } from "../../certs/make-certs.ts";
import { type BaseDigests, createBaseDigests } from "../../ci-server/adapters/base-digests.ts";
import { createEngine } from "../../ci-server/adapters/docker-engine.ts";
import type { RegistryAccess } from "../../ci-server/adapters/registry-head.ts";
import type { BaseImage } from "../../ci-server/core/build.ts";
import type { BasesRequest, ResolvedBases } from "../../ci-server/core/ports.ts";
import { registryAddress } from "../../lab/registry-address.ts";
import { fails } from "../helpers/failure.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { pushTinyImage } from "../helpers/tiny-image.ts";
import { startTokenRegistry, type TokenRegistry, type TokenRegistryOptions } from "../helpers/token-registry.ts";

const never = new AbortController().signal;
const nowhere = "https://127.0.0.1:1";

describe("Bases by registry and engine", function () {
  this.timeout(60_000);
  let lab: Lab;
  let own: RegistryAccess;
  let folder: string;
  let digest: string;
  let lines: string[];
  const open: { close(): Promise<void> }[] = [];
  before(async () => {
    lab = await useLab();
    const ca = await readFile(lab.registry.caFile, "utf8");
    own = { apiUrl: lab.registry.apiUrl, ca, credentials: lab.account };
    digest = await pushTinyImage(lab, "contract/base", "1");
    folder = await mkdtemp(join(tmpdir(), "bases-"));
  });
  beforeEach(() => {
    lines = [];
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  after(() => rm(folder, { recursive: true }));

  function create(registries: Readonly<Record<string, RegistryAccess>>, timeoutMs = 5_000): BaseDigests {
    const engine = createEngine({ host: lab.engine.host, silenceMsMax: 10_000 });
    const bases = createBaseDigests({
      ...{ engine, pushHost: lab.registry.host, timeoutMs },
      registries: new Map(Object.entries({ [lab.registry.host]: own, ...registries })),
    });
    open.push(bases);
    return bases;
  }

  function asking(references: readonly string[], change: Partial<BasesRequest> = {}): BasesRequest {
    return { references, mayBePrivate: () => true, signal: never, log: (text) => lines.push(text), ...change };
  }

  function complete(base: BaseImage): ResolvedBases {
    return { bases: [base], isComplete: true };
  }

  /** Puts an image under that name on the engine alone, as `docker import` does; returns its id. */
  async function importImage(name: string): Promise<string> {
    const [repo = "", tag = ""] = name.split(/:(?=[^/]*$)/);
    const stream = await lab.docker.importImage(pack(folder) as unknown as NodeJS.ReadableStream, { repo, tag });
    for await (const _chunk of stream);
    return (await lab.docker.getImage(name).inspect()).Id;
  }

  it("says the engine's platform", async () => {
    expect(await create({}).platform(never)).to.match(/^linux\/[a-z0-9]+$/);
  });

  it("asks the registry of each name, ours by the address that this process knows", async () => {
    const reference = `${lab.registry.host}/contract/base:1`;
    expect(await create({}).resolve(asking([reference]))).to.deep.equal(complete({ reference, digest }));
    expect(await create({}).inRegistry({ reference, mayBePrivate: () => true, signal: never })).to.equal(digest);
    expect(lines).to.deep.equal([]);
  });

  it("says null of what the registry does not have", async () => {
    for (const name of ["contract/base:2", "contract/none:1"]) {
      const asked = { reference: `${lab.registry.host}/${name}`, mayBePrivate: () => true, signal: never };
      expect(await create({}).inRegistry(asked)).to.equal(null);
    }
  });

  it("takes a digest for what it says, and asks nobody", async () => {
    const references = [`nowhere.example.com/x@sha256:${"a".repeat(64)}`, `node:24@sha256:${"b".repeat(64)}`];
    const found = await create({}).resolve(asking(references));
    expect(found.bases.map((base) => base.digest)).to.deep.equal(["a", "b"].map((char) => `sha256:${char.repeat(64)}`));
  });

  it("takes the id of an image that only the engine has, and says so", async () => {
    const id = await importImage("contract/local:1");
    try {
      const bases = create({ "docker.io": { apiUrl: nowhere, ca: null, credentials: null } });
      const reference = "contract/local:1";
      expect(await bases.resolve(asking([reference]))).to.deep.equal(complete({ reference, digest: id, local: true }));
      expect(lines.join()).to.contain("cannot be reached").and.contain(`the engine's own is taken, ${id}`);
    } finally {
      await lab.docker.getImage("contract/local:1").remove();
    }
  });

  it("knows the others where one of them is nowhere, and says which", async () => {
    const bases = create({ "docker.io": { apiUrl: nowhere, ca: null, credentials: null } });
    const reference = `${lab.registry.host}/contract/base:1`;
    const found = await bases.resolve(asking([reference, "contract/none:1"]));
    expect(found).to.deep.equal({ bases: [{ reference, digest }], isComplete: false });
    expect(lines.join("\n")).to.match(/^contract\/none:1: .* the engine does not have it/);
  });

  it("takes the digest that the engine remembers where the registry is away, which is not asked again at once", async () => {
    const reference = `${lab.registry.host}/contract/remembered:1`;
    await importImage(reference);
    const pushed = await lab.docker
      .getImage(reference)
      .push({ authconfig: { ...lab.account, serveraddress: lab.registry.host } });
    for await (const _chunk of pushed);
    try {
      const there = await create({}).resolve(asking([reference]));
      const away = create({ [lab.registry.host]: { ...own, apiUrl: nowhere } });
      expect(await away.resolve(asking([reference]))).to.deep.equal(there);
      expect(await away.resolve(asking([reference]))).to.deep.equal(there);
      expect(lines[0])
        .to.contain("cannot be reached")
        .and.contain(`the engine's own is taken, ${there.bases[0]?.digest}`);
      expect(lines[1]).to.contain("was of no use a moment ago");
      expect(there.bases[0]).to.not.have.property("local");
    } finally {
      await lab.docker.getImage(reference).remove({ force: true });
    }
  });

  it("asks the engine first for what another build of ours has just made", async () => {
    const reference = `${lab.registry.host}/contract/base:build-7`;
    const id = await importImage(reference);
    try {
      await pushTinyImage(lab, "contract/base", "build-7");
      const made = complete({ reference, digest: id, local: true });
      expect(await create({}).resolve(asking([reference]))).to.deep.equal(made);
    } finally {
      await lab.docker.getImage(reference).remove();
    }
  });

  describe("with a registry that wants a token", () => {
    const manifest = "the manifest";
    const found = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
    const account = { username: "ada", password: "her password" };
    let certs: { readonly ca: string; readonly cert: string; readonly key: string };
    let registry: TokenRegistry;
    before(async () => {
      const made = await makeCertificates({
        folder: join(folder, "certs"),
        hosts: ["localhost", registryAddress.hostName],
      });
      const files = [made.caFile, made.certFile, made.keyFile].map((file) => readFile(file, "utf8"));
      const [ca = "", cert = "", key = ""] = await Promise.all(files);
      certs = { ca, cert, key };
    });
    afterEach(() => registry.stop());

    async function start(change: Partial<TokenRegistryOptions> = {}): Promise<void> {
      const image = { image: "team/base", manifest, digest: found };
      registry = await startTokenRegistry({ tls: certs, account, ...image, ...change });
    }

    function ask(access: Partial<RegistryAccess> = {}, mayBePrivate = true, timeoutMs = 5_000): Promise<string | null> {
      const whole = { apiUrl: null, ca: certs.ca, credentials: account, ...access };
      const bases = create({ [registry.host]: whole }, timeoutMs);
      const reference = `${registry.host}/team/base:1`;
      return bases.inRegistry({ reference, mayBePrivate: () => mayBePrivate, signal: never });
    }

    it("brings one, and uses it again", async () => {
      await start();
      const bases = create({ [registry.host]: { apiUrl: null, ca: certs.ca, credentials: account } });
      const asked = { reference: `${registry.host}/team/base:1`, mayBePrivate: () => true, signal: never };
      expect(await bases.inRegistry(asked)).to.equal(found);
      expect(await bases.inRegistry(asked)).to.equal(found);
      const manifests = "HEAD /v2/team/base/manifests/1";
      expect(registry.asked.map((line) => line.split("?")[0])).to.deep.equal([
        ...[manifests, "GET /token", manifests],
        manifests,
      ]);
    });

    it("brings one that everybody gets", async () => {
      await start({ account: null });
      expect(await ask({ credentials: null })).to.equal(found);
    });

    it("computes the digest where nobody says it", async () => {
      await start({ isPlain: true });
      expect(await ask()).to.equal(found);
    });

    it("says what to check when the password is refused", async () => {
      await start();
      await fails(
        ask({ credentials: { username: "eve", password: "x" } }),
        "unauthorized",
        'refuses user "eve"; check registries[',
      );
      await fails(ask({ credentials: null }), "unauthorized", "refuses whoever has no user name");
    });

    it("T29: refuses a certificate of another CA, and says what to set", async () => {
      await start();
      await fails(ask({ ca: null }), "forbidden", "is not signed by the configured CA");
      expect(registry.asked).to.deep.equal([]);
    });

    it("T20: does not go to a private address that nobody has named", async () => {
      await start();
      await fails(ask({}, false), "invalid", "leads to the address");
      const request = asking([`${registry.host}/team/base:1`], { mayBePrivate: () => false });
      await fails(create({}).resolve(request), "invalid", "of a private network");
      expect(registry.asked).to.deep.equal([]);
    });

    it("brings one from another place, where the password is known", async () => {
      await start();
      const tokens = registry;
      await start({ realm: `https://${tokens.host}/token` });
      expect(await ask()).to.equal(found);
      expect(tokens.asked).to.have.length(1);
      await tokens.stop();
    });

    it("T20: is not sent to a private name for the token by a registry that nobody has named", async () => {
      await start();
      const local = registry;
      await start({ address: registryAddress, realm: `https://${local.host}/token` });
      await fails(ask({}, false), "invalid", `sends us to ${local.host}, which is no public name`);
      expect(registry.asked).to.have.length(1);
      expect(local.asked).to.deep.equal([]);
      await local.stop();
    });

    it("T20: is not sent to a place for the token that is no https:// at a public name", async () => {
      for (const realm of ["http://localhost/token", "not a place", "file:///etc/passwd"]) {
        await start({ realm });
        await fails(ask(), "unavailable", "names no https:// place to sign in");
        expect(registry.asked).to.have.length(1);
        await registry.stop();
      }
      await start();
    });
  });

  it("gives up a registry that does not answer, and stops when told to", async () => {
    const silent = createServer((socket) => socket.on("error", () => undefined).resume());
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const host = `localhost:${(silent.address() as AddressInfo).port}`; // it listens on a port
    const bases = create({}, 300);
    const asked = { reference: `${host}/x`, mayBePrivate: () => true };
    try {
      await fails(bases.inRegistry({ ...asked, signal: never }), "unavailable", "cannot be reached");
      const stop = new AbortController();
      const asking = bases.inRegistry({ ...asked, signal: stop.signal }).catch((error: Error) => error.message);
      stop.abort(new Error("enough"));
      expect(await asking).to.equal("enough");
    } finally {
      await bases.close();
      silent.close();
    }
  });
});
