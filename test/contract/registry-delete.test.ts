// What core/ports/prune.ts promises of RegistryContents, on Distribution and on a registry that behaves as Zot does.

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createRegistry, type RegistryClient } from "../../ci-server/adapters/registry.ts";
import { createRegistryContents } from "../../ci-server/adapters/registry-delete.ts";
import type { RegistryContents } from "../../ci-server/core/ports.ts";
import { fails } from "../helpers/failure.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { proxyRegistry } from "../helpers/lab-proxies.ts";
import { callRegistry, registryTags } from "../helpers/registry-calls.ts";
import { pushTinyImage } from "../helpers/tiny-image.ts";
import { startZotLikeRegistry, type ZotLikeRegistry } from "../helpers/zot-like-registry.ts";

const never = new AbortController().signal;
const manifestType = "application/vnd.oci.image.manifest.v1+json";

describe("the removal of tags and manifests", () => {
  let lab: Lab;
  const open: RegistryClient[] = [];
  before(async () => {
    lab = await useLab();
  });
  after(() => Promise.all(open.map((client) => client.close())));

  async function contentsOf(apiUrl: string, caFile: string): Promise<RegistryContents> {
    const { username, password } = lab.account;
    const client = createRegistry({ apiUrl, ca: await readFile(caFile, "utf8"), username, password, timeoutMs: 5_000 });
    open.push(client);
    return createRegistryContents(client.http);
  }

  describe("by Distribution", () => {
    let contents: RegistryContents;
    before(async () => {
      contents = await contentsOf(lab.registry.apiUrl, lab.registry.caFile);
    });

    async function tagged(image: string, digest: string, tags: readonly string[]): Promise<void> {
      await open[0]?.tag({ image, digest, tags, fence: async () => undefined, signal: never });
    }

    it("lists tags and what they name, and nothing of what is not there", async () => {
      const digest = await pushTinyImage(lab, "delete/list", "one");
      await tagged("delete/list", digest, ["two"]);
      expect((await contents.tags("delete/list", never)).toSorted()).to.deep.equal(["one", "two"]);
      expect(await contents.named("delete/list", ["one", "none", "two"], never)).to.deep.equal([
        { tag: "one", digest },
        { tag: "two", digest },
      ]);
      expect(await contents.tags("delete/nothing", never)).to.deep.equal([]);
    });

    it("removes a manifest with all its tags, again and again, and leaves the others", async () => {
      const digest = await pushTinyImage(lab, "delete/one", "one");
      await tagged("delete/one", digest, ["two"]);
      const other = await pushTinyImage(lab, "delete/one", "other");
      for (const _again of [1, 2]) {
        await contents.removeManifest("delete/one", { digest, tags: ["one", "two"] }, never);
        expect(await registryTags(lab, "delete/one")).to.deep.equal({ other });
      }
      expect((await callRegistry(lab, "GET", `delete/one/manifests/${digest}`)).status).to.equal(404);
    });

    it("says that it cannot remove a tag alone, and leaves it", async () => {
      const digest = await pushTinyImage(lab, "delete/tag", "one");
      expect(await contents.removeTag("delete/tag", { tag: "one", digest }, never)).to.equal("refused");
      expect(await registryTags(lab, "delete/tag")).to.deep.equal({ one: digest });
    });

    it("removes what is attached under the fallback tag, and nothing that is about another image", async () => {
      const digest = await pushTinyImage(lab, "delete/attested", "one");
      const other = await pushTinyImage(lab, "delete/attested", "other");
      const about = await statementAbout("delete/attested", digest);
      const strange = await statementAbout("delete/attested", other);
      const mediaType = "application/vnd.oci.image.index.v1+json";
      const manifests = [about, strange].map((one) => ({ mediaType: manifestType, digest: one, size: 1 }));
      const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
      const fallback = `delete/attested/manifests/${digest.replace(":", "-")}`;
      expect((await callRegistry(lab, "PUT", fallback, { mediaType, text })).status).to.equal(201);
      await contents.removeManifest("delete/attested", { digest, tags: ["one"] }, never);
      expect(await registryTags(lab, "delete/attested")).to.deep.equal({ other });
      const left = [about, strange].map((one) => callRegistry(lab, "GET", `delete/attested/manifests/${one}`));
      expect((await Promise.all(left)).map(({ status }) => status)).to.deep.equal([404, 200]);
    });

    /** An untagged manifest of the same empty configuration. */
    async function statementAbout(image: string, subject: string): Promise<string> {
      const { text } = await callRegistry(lab, "GET", `${image}/manifests/${subject}`);
      const manifest = {
        ...JSON.parse(text),
        annotations: {},
        subject: { mediaType: manifestType, digest: subject, size: 1 },
      };
      const body = { mediaType: manifestType, text: JSON.stringify(manifest) };
      const digest = `sha256:${createHash("sha256").update(body.text).digest("hex")}`;
      const put = await callRegistry(lab, "PUT", `${image}/manifests/${digest}`, body);
      expect(put.status).to.equal(201);
      return digest;
    }

    it("says what to set where the registry removes nothing", async () => {
      const digest = await pushTinyImage(lab, "delete/refused", "one");
      const folder = await mkdtemp(join(tmpdir(), "delete-"));
      const refuse = { status: 405, body: Buffer.from("{}") };
      const { proxy, env } = await proxyRegistry(lab, folder, ({ method }) => (method === "DELETE" ? refuse : null));
      try {
        const refusing = await contentsOf(env.MERGEDOCK_REGISTRY_API_URL ?? "", env.MERGEDOCK_REGISTRY_CA_FILE ?? "");
        const removal = refusing.removeManifest("delete/refused", { digest, tags: ["one"] }, never);
        await fails(removal, "not_implemented", "REGISTRY_STORAGE_DELETE_ENABLED=true");
      } finally {
        await proxy.stop();
        await rm(folder, { recursive: true });
      }
    });
  });

  describe("by a registry as Zot is", () => {
    let folder: string;
    let registry: ZotLikeRegistry;
    let contents: RegistryContents;
    const [one, other] = ["1", "2"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string]; // two of two
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "zot-"));
      registry = await startZotLikeRegistry(folder);
      contents = await contentsOf(registry.apiUrl, registry.caFile);
      for (const tag of ["a", "b", "c"]) registry.tags.set(tag, one);
      for (const tag of ["d", "e"]) registry.tags.set(tag, other);
    });
    afterEach(async () => {
      await registry.stop();
      await rm(folder, { recursive: true });
    });

    it("follows the pages of the list to their end", async () => {
      expect(await contents.tags("acme/shop", never)).to.deep.equal(["a", "b", "c", "d", "e"]);
      expect(registry.asked).to.have.length(3);
    });

    it("removes a tag and leaves its manifest", async () => {
      const named = { tag: "b", digest: one };
      expect(await contents.removeTag("acme/shop", named, never)).to.equal("removed");
      expect([...registry.tags.keys()]).to.deep.equal(["a", "c", "d", "e"]);
      expect(await contents.removeTag("acme/shop", named, never)).to.equal("removed");
    });

    it("leaves a tag that names another image by now, alone and with the manifest that it named", async () => {
      registry.tags.set("b", other);
      expect(await contents.removeTag("acme/shop", { tag: "b", digest: one }, never)).to.equal("moved");
      await contents.removeManifest("acme/shop", { digest: one, tags: ["a", "b", "c"] }, never);
      expect([...registry.tags.keys()]).to.deep.equal(["b", "d", "e"]);
    });

    it("removes the tags before the manifest, which it would not give up with several", async () => {
      await contents.removeManifest("acme/shop", { digest: one, tags: ["a", "b", "c"] }, never);
      expect([...registry.tags.keys()]).to.deep.equal(["d", "e"]);
    });

    it("does not guess at what it cannot know", async () => {
      registry.tags.set("odd", "not a digest");
      await fails(contents.named("acme/shop", ["a", "odd"], never), "internal", "HEAD acme/shop:odd");
    });
  });
});
