// What core/ports.ts promises of Registry, held by every implementation.

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Agent, request } from "undici";
import { makeCertificates } from "../../certs/make-certs.ts";
import { createRegistry, type RegistryClient, type RegistryOptions } from "../../ci-server/adapters/registry.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import type { AnnotateRequest, TagRequest } from "../../ci-server/core/ports.ts";
import { fails } from "../helpers/failure.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { proxyRegistry } from "../helpers/lab-proxies.ts";
import { pushTinyImage, pushTinyList } from "../helpers/tiny-image.ts";

const never = new AbortController().signal;

registryContract("Distribution", useLab);

function registryContract(name: string, useIt: () => Promise<Lab>): void {
  describe(`Registry by ${name}`, () => {
    let lab: Lab;
    let options: RegistryOptions;
    let registry: RegistryClient;
    let digest: string;
    before(async () => {
      lab = await useIt();
      const { username, password } = lab.account;
      options = {
        apiUrl: lab.registry.apiUrl,
        ca: await readFile(lab.registry.caFile, "utf8"),
        username,
        password,
        timeoutMs: 5_000,
      };
      registry = createRegistry(options);
      digest = await pushTinyImage(lab, "contract/tiny", "first");
    });
    after(() => registry?.close());

    it("gives a manifest by tag and by digest, with the digest of its bytes and the image's size", async () => {
      const byTag = await registry.manifest("contract/tiny", "first", never);
      expect(byTag).to.deep.equal(await registry.manifest("contract/tiny", digest, never));
      expect(byTag).to.include({ digest, mediaType: "application/vnd.oci.image.manifest.v1+json", bytes: 2 });
      expect(byTag?.configDigest).to.equal(`sha256:${createHash("sha256").update("{}").digest("hex")}`);
    });

    it("says null of what is not there", async () => {
      expect(await registry.manifest("contract/tiny", "none", never)).to.equal(null);
      expect(await registry.manifest("contract/none", "first", never)).to.equal(null);
      expect(await registry.manifest("contract/tiny", `sha256:${"0".repeat(64)}`, never)).to.equal(null);
    });

    it("lets a tag name a manifest, again and anew", async () => {
      const second = await pushTinyImage(lab, "contract/tiny", "second");
      for (const target of [digest, digest, second]) {
        await registry.tag(tagging({ digest: target, tags: ["moving", "too"] }));
        for (const tag of ["moving", "too"])
          expect((await registry.manifest("contract/tiny", tag, never))?.digest).to.equal(target);
      }
      await fails(
        registry.tag(tagging({ digest: `sha256:${"0".repeat(64)}` })),
        "unavailable",
        "the registry has no contract/tiny@sha256:0000",
      );
    });

    it("writes no tag once the fence is down", async () => {
      let writes = 0;
      const fence = async () => {
        writes += 1;
        if (writes > 1) throw new AppError("unavailable", "taken over");
      };
      await fails(registry.tag(tagging({ tags: ["fenced-1", "fenced-2"], fence })), "unavailable", "taken over");
      const tags = ["fenced-1", "fenced-2"].map((tag) => registry.manifest("contract/tiny", tag, never));
      expect((await Promise.all(tags)).map((found) => found?.digest)).to.deep.equal([digest, undefined]);
    });

    function tagging(change: Partial<TagRequest>): TagRequest {
      return { image: "contract/tiny", digest, tags: ["x"], fence: async () => undefined, signal: never, ...change };
    }

    const annotations = {
      "org.opencontainers.image.revision": "a".repeat(40),
      "dev.mergedock.repository": "acme/shop",
    };

    function annotating(target: string, signs: Readonly<Record<string, string>> = annotations): AnnotateRequest {
      return { ...tagging({ digest: target }), annotations: signs };
    }

    for (const kind of ["oci", "docker"] as const) {
      it(`has an image of ${kind}'s type with annotations too, of the same configuration and always the same bytes`, async () => {
        const pushed = await pushTinyImage(lab, "contract/tiny", `plain-${kind}`, kind);
        const made = await registry.annotate(annotating(pushed));
        expect(made).to.deep.include({ mediaType: "application/vnd.oci.image.manifest.v1+json", bytes: 2 });
        expect(made.annotations).to.include(annotations);
        expect(made.digest).to.not.equal(pushed);
        const there = await registry.manifest("contract/tiny", made.digest, never);
        expect(there).to.deep.equal(made);
        expect(await registry.annotate(annotating(pushed))).to.deep.equal(made);
        expect(await registry.annotate(annotating(made.digest))).to.deep.equal(made);
        const before = await registry.manifest("contract/tiny", pushed, never);
        expect([before?.configDigest, before?.parts]).to.deep.equal([made.configDigest, made.parts]);
        await registry.tag(tagging({ digest: made.digest, tags: [`annotated-${kind}`] }));
        expect(await registry.manifest("contract/tiny", `annotated-${kind}`, never)).to.deep.equal(made);
      });
    }

    it("annotates an index itself, and leaves a list of Docker's as it is", async () => {
      for (const kind of ["oci", "docker"] as const) {
        const image = "contract/tiny";
        const one = await pushTinyImage(lab, image, `one-${kind}`, kind);
        const bytes = await manifestBytes(one);
        const list = await pushTinyList(lab, { image, tag: `list-${kind}`, kind }, { digest: one, bytes });
        const made = await registry.annotate(annotating(list));
        expect(made).to.deep.include({ configDigest: null, parts: [one] });
        if (kind === "docker") expect(made).to.deep.include({ digest: list, annotations: {} });
        else expect(await registry.manifest(image, made.digest, never)).to.deep.include({ annotations, parts: [one] });
      }
    });

    it("annotates nothing that is not there, and nothing once the fence is down", async () => {
      await fails(registry.annotate(annotating(`sha256:${"0".repeat(64)}`)), "unavailable", "the registry has no");
      const fence = () => Promise.reject(new AppError("unavailable", "taken over"));
      const asked = { ...annotating(digest, { never: "written" }), fence };
      await fails(registry.annotate(asked), "unavailable", "taken over");
    });

    it("moves tags by manifest alone: nothing of the image travels again", async () => {
      const folder = await mkdtemp(join(tmpdir(), "count-"));
      const asked: string[] = [];
      const { proxy, env } = await proxyRegistry(lab, folder, ({ method, path }) => {
        asked.push(`${method} ${path.replace(/sha256:.*/, "<digest>")}`);
        return null;
      });
      const ca = await readFile(env.MERGEDOCK_REGISTRY_CA_FILE ?? "", "utf8");
      const through = createRegistry({ ...options, ca, apiUrl: env.MERGEDOCK_REGISTRY_API_URL ?? "" });
      await through.tag(tagging({ tags: ["float", "1.2", "1"] }));
      await through.close();
      await proxy.stop();
      await rm(folder, { recursive: true });
      const path = "/v2/contract/tiny/manifests";
      expect(asked.sort()).to.deep.equal([
        `GET ${path}/<digest>`,
        ...["1", "1.2", "float"].map((tag) => `PUT ${path}/${tag}`),
      ]);
    });

    /** How long the manifest itself is. */
    async function manifestBytes(target: string): Promise<number> {
      const dispatcher = new Agent({ connect: { ca: options.ca ?? "" } });
      const authorization = `Basic ${Buffer.from(`${options.username}:${options.password}`).toString("base64")}`;
      const accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
      const url = `${options.apiUrl}/v2/contract/tiny/manifests/${target}`;
      const { body } = await request(url, { dispatcher, headers: { authorization, accept } });
      const { byteLength } = await body.arrayBuffer();
      await dispatcher.destroy();
      return byteLength;
    }

    it("T29: refuses a registry whose certificate another CA has signed, and says so", async () => {
      const folder = await mkdtemp(join(tmpdir(), "ca-"));
      const { caFile } = await makeCertificates({ folder, hosts: ["localhost"] });
      const other = createRegistry({ ...options, ca: await readFile(caFile, "utf8") });
      await fails(other.check(never), "forbidden", "is not signed by the configured CA");
      await other.close();
      await rm(folder, { recursive: true });
    });

    it("T28: says what to check when the password is refused", async () => {
      const other = createRegistry({ ...options, password: "wrong" });
      await fails(
        other.check(never),
        "unauthorized",
        'refuses user "ci"; check registry.username and registry.password_file',
      );
      await other.close();
    });

    it("says that nobody answers, and stops when told to", async () => {
      const other = createRegistry({ ...options, apiUrl: "https://127.0.0.1:1" });
      await fails(other.check(never), "unavailable", "https://127.0.0.1:1 cannot be reached");
      const stopped = await other.check(AbortSignal.abort(new Error("enough"))).catch((error: Error) => error.message);
      expect(stopped).to.equal("enough");
      await other.close();
    });

    it("tells what it found", async () => {
      expect(await registry.check(never)).to.equal(
        `${lab.registry.apiUrl} over TLS with the configured CA, signed in as ci`,
      );
    });
  });
}
