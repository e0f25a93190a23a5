// What is attested of an image: a real merge, the statements beside the image in the registry, and the command that checks them.

import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createSigner, openEnvelope, readPublicKey, type Signer } from "../../ci-server/adapters/dsse.ts";
import {
  createRegistryArtifacts,
  type RegistryArtifacts,
  referrersTag,
} from "../../ci-server/adapters/registry-artifacts.ts";
import { attachArtifacts } from "../../ci-server/adapters/registry-attach.ts";
import type { RegistryHttp } from "../../ci-server/adapters/registry-http.ts";
import { type Statement, statementAbout } from "../../ci-server/core/attestation.ts";
import type { Descriptor } from "../../ci-server/core/manifest.ts";
import { labRegistryHttp, sampleArtifact } from "../helpers/artifact-samples.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { type LabProxy, proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie } from "../helpers/lying-proxy.ts";
import { type CommandEnd, runCommand } from "../helpers/run-command.ts";
import { type FinishedBuild, Tester } from "../helpers/tester.ts";
import { pushTinyImage } from "../helpers/tiny-image.ts";

const never = new AbortController().signal;
const dpkg = `Package: libfoo1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n`;
const files = {
  "root/etc/os-release": "ID=debian\nVERSION_ID=12\n",
  "root/var/lib/dpkg/status": dpkg,
  "root/app/node_modules/gone/package.json": '{ "name": "gone", "version": "1.0.0" }',
  "app/node_modules/left-pad/package.json": '{ "name": "left-pad", "version": "1.3.0" }',
  Dockerfile:
    'FROM scratch\nCOPY root /\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "rm", "-r", "/app"]\nCOPY app /app\n',
};

describe("the attestations of a merge", function () {
  this.timeout(60_000);
  let ci: Tester;
  let lab: Lab;
  let http: RegistryHttp;
  let registry: RegistryArtifacts;
  let folder: string;
  let keyFile: string;
  let build: FinishedBuild;
  let sha: string;
  let number: number;
  let isStopped = false;
  before(async () => {
    lab = await useLab();
    http = await labRegistryHttp(lab);
    registry = createRegistryArtifacts(http);
    folder = await mkdtemp(join(tmpdir(), "attest-"));
    ci = await Tester.start();
    keyFile = join(ci.folder, "state/secrets/attestation-key.pub.pem");
    const merge = await ci.merge({ files, method: "squash" });
    ({ sha, number } = merge);
    build = await ci.finished(merge.verdict.build);
    expect(build, build.log).to.include({ result: "success" });
  });
  afterEach(() => removeImages(lab));
  after(async () => {
    if (!isStopped) await ci?.stop();
    http?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const image = () => build.images[0] ?? { digest: "", reference: "", attestations: [] };

  /** As a stranger to the server would run it: with the registry's address, CA and account, and the public key. */
  async function verify(reference: string, ...more: readonly string[]): Promise<CommandEnd> {
    const { username, passwordFile } = lab.account;
    const account = ["--registry-ca", lab.registry.caFile, "--username", username, "--password-file", passwordFile];
    return mergedock(["verify", reference, "--key", keyFile, ...account, ...more]);
  }

  function mergedock(args: readonly string[], env: Record<string, string> = {}): Promise<CommandEnd> {
    return runCommand(args, { folder, env });
  }

  async function signed(): Promise<Statement[]> {
    const key = readPublicKey(await readFile(keyFile, "utf8"), keyFile);
    const statements: Statement[] = [];
    for (const { digest } of await registry.referrers("acme/shop", image().digest, never)) {
      const manifest = await registry.manifest("acme/shop", digest, never);
      const bytes = await registry.blob("acme/shop", manifest?.json.layers?.[0]?.digest ?? "", 1e6, never);
      const opened = openEnvelope(bytes ?? Buffer.from(""), [key]);
      if ("problem" in opened) throw new Error(opened.problem);
      statements.push(opened.statement);
    }
    return statements;
  }

  it("are provenance and an SBOM, recorded with the image and listed in the registry", async () => {
    expect(build.stages.at(-1)).to.include({ name: "attest", result: "success" });
    expect(image().attestations.map(({ type }) => type)).to.deep.equal(["provenance", "sbom"]);
    const listed = await registry.referrers("acme/shop", image().digest, never);
    expect(listed.map(({ digest }) => digest)).to.deep.equal(image().attestations.map(({ digest }) => digest));
    expect(build.log).to.contain(`attested ${image().reference}: provenance sha256:`);
  });

  it("say which merge was built from where", async () => {
    const [provenance] = await signed();
    expect(provenance?.subject).to.deep.equal([
      { name: `${lab.registry.host}/acme/shop`, digest: { sha256: image().digest.slice(7) } },
    ]);
    const predicate = provenance?.predicate;
    const at = "buildDefinition.internalParameters";
    expect(predicate).to.have.nested.property(`${at}.delivery`, build.deliveryGuid);
    expect(predicate).to.have.nested.property(`${at}.pullRequest`).that.includes({ number, mergeMethod: "squash" });
    expect(predicate).to.have.nested.property("buildDefinition.resolvedDependencies[0].digest.gitCommit", sha);
    expect(predicate).to.have.nested.property("runDetails.metadata.invocationId", `builds/${build.id}/attempts/1`);
  });

  it("say what is in the image, as its layers lie upon one another", async () => {
    const [, sbom] = await signed();
    expect(sbom?.predicateType).to.equal("https://cyclonedx.org/bom");
    const { components } = (sbom?.predicate ?? {}) as { components: { purl?: string }[] }; // as cyclonedx() makes it
    expect(components.map(({ purl }) => purl)).to.deep.equal([
      undefined,
      "pkg:deb/debian/libfoo1@1.0-1?arch=amd64&distro=debian-12",
      "pkg:npm/left-pad@1.3.0",
    ]);
    expect(build.log).to.contain("shop: 2 packages in the image: 1 deb, 1 npm");
  });

  it("leave the image's own manifest as it was tagged: no index, and no other digest", async () => {
    const found = await registry.manifest("acme/shop", `pr-${number}`, never);
    expect(found?.descriptor.digest).to.equal(image().digest);
    expect(found?.descriptor.mediaType).to.equal("application/vnd.oci.image.manifest.v1+json");
    const tags = await http.read({ method: "GET", path: "/v2/acme/shop/tags/list", scope: "", signal: never });
    // What the registry shows of them where it has no referrers API.
    expect(String(tags.body)).to.contain(`"${referrersTag(image().digest)}"`);
  });

  it("are read from each layer once", async () => {
    const folderOfCache = join(ci.folder, "state/sbom-cache");
    const before = await readdir(folderOfCache);
    const merge = await ci.merge({
      files: { "app/node_modules/x/package.json": '{ "name": "x", "version": "1.0.0" }' },
    });
    const next = await ci.finished(merge.verdict.build);
    expect(next.log).to.contain("shop: 3 packages in the image");
    const after = await readdir(folderOfCache);
    expect(after).to.include.members(before);
    // The last layer alone is another one.
    expect(after).to.have.length(before.length + 1);
  });

  it("are signed with a key that only the server can read, and whose public half everybody can", async () => {
    const secrets = join(ci.folder, "state/secrets");
    expect((await stat(join(secrets, "attestation-key.pem"))).mode & 0o777).to.equal(0o600);
    expect((await stat(keyFile)).mode & 0o777).to.equal(0o644);
    const response = await fetch(`${ci.app.apiUrl}/attestation-key`);
    expect(response.status).to.equal(200);
    const pem = await response.text();
    expect(pem).to.equal(await readFile(keyFile, "utf8"));
    expect(createPublicKey(pem).asymmetricKeyType).to.equal("ed25519");
  });

  describe("checked by the command", () => {
    it("prints who built what from where, by digest and by tag", async () => {
      for (const reference of [image().reference, `${lab.registry.host}/acme/shop:pr-${number}`]) {
        const { code, stdout, stderr } = await verify(reference);
        expect(code, stderr).to.equal(0);
        expect(stderr).to.equal("");
        for (const line of [
          new RegExp(`^verified +${image().reference}$`, "m"),
          /^repository +http.+\/acme\/shop\.git$/m,
          new RegExp(`^commit +${sha} of refs/heads/main$`, "m"),
          new RegExp(`^pull request +#${number} by Codertocat, merged by Codertocat$`, "m"),
          new RegExp(`^delivery +${build.deliveryGuid}$`, "m"),
          /^SBOM +2 packages \(1 deb, 1 npm\)$/m,
        ])
          expect(stdout).to.match(line);
      }
    });

    it("prints it for programs", async () => {
      const { code, stdout } = await verify(image().reference, "--json");
      expect(code).to.equal(0);
      const report = JSON.parse(stdout);
      expect(report).to.deep.include({ verified: true, image: image().reference, refused: [] });
      expect(report.provenances[0]).to.include({ commit: sha, service: "shop", delivery: build.deliveryGuid });
      expect(report.sbom).to.deep.equal({ packages: { deb: 1, npm: 1 }, incomplete: [] });
    });

    it("takes from the server's own configuration what it is not told", async () => {
      const env = { MERGEDOCK_STATE_DIR: join(ci.folder, "state"), MERGEDOCK_REGISTRY_CA_FILE: lab.registry.caFile };
      const account = { MERGEDOCK_REGISTRY_PASSWORD: lab.account.password };
      const push = { MERGEDOCK_REGISTRY_PUSH_HOST: lab.registry.host, MERGEDOCK_REGISTRY_API_URL: lab.registry.apiUrl };
      const { code, stderr } = await mergedock(["verify", image().reference], { ...env, ...account, ...push });
      expect(code, stderr).to.equal(0);
    });

    it("refuses an image that nothing is said of, and one that is not there", async () => {
      const digest = await pushTinyImage(lab, "acme/silent", "x");
      const silent = await verify(`${lab.registry.host}/acme/silent@${digest}`);
      expect(silent).to.include({ code: 1, stdout: "" });
      expect(silent.stderr).to.contain(
        `not verified: acme/silent@${digest} has no signed provenance: it was not made here`,
      );
      const none = await verify(`${lab.registry.host}/acme/none:x`);
      expect(none).to.include({ code: 1 });
      expect(none.stderr).to.contain("the registry has no acme/none x");
    });

    it("refuses what another key has signed", async () => {
      const { publicKey } = generateKeyPairSync("ed25519");
      const other = join(folder, "other.pem");
      await writeFile(other, publicKey.export({ type: "spki", format: "pem" }));
      const args = ["verify", image().reference, "--key", other, "--registry-ca", lab.registry.caFile];
      const account = ["--username", lab.account.username, "--password-file", lab.account.passwordFile];
      const { code, stderr } = await mergedock([...args, ...account]);
      expect(code).to.equal(1);
      expect(stderr).to.contain("has no signed provenance that can be trusted; beside it lies:\n  sha256:");
      expect(stderr).to.contain("it is signed with another key");
      expect(await verify(image().reference, "--key", other)).to.include({ code: 0 });
    });

    /** An image of its own with what `make` puts beside it. */
    async function forged(tag: string, make: (to: Descriptor, signer: Signer) => string[]): Promise<CommandEnd> {
      const digest = await pushTinyImage(lab, "acme/forged", tag);
      const subject = (await registry.manifest("acme/forged", digest, never))?.descriptor;
      if (subject === undefined) throw new Error("it was just pushed");
      const pem = await readFile(join(ci.folder, "state/secrets/attestation-key.pem"), "utf8");
      const artifacts = make(subject, createSigner(pem, "the key")).map(sampleArtifact);
      const locked = <T>(_name: string, _signal: AbortSignal, work: () => Promise<T>) => work();
      const fence = async () => undefined;
      await attachArtifacts(http, { image: "acme/forged", subject, artifacts, locked, fence, signal: never });
      return verify(`${lab.registry.host}/acme/forged@${digest}`);
    }

    const provenanceOf = (digest: string) =>
      statementAbout({ name: "x", digest }, "https://slsa.dev/provenance/v1", {});

    it("refuses what was changed after it was signed", async () => {
      const { code, stderr } = await forged("changed", ({ digest }, signer) => {
        const envelope = signer.sign(provenanceOf(digest));
        const payload = Buffer.from(JSON.stringify({ ...provenanceOf(digest), predicate: { evil: 1 } }));
        return [JSON.stringify({ ...envelope, payload: payload.toString("base64") })];
      });
      expect(code).to.equal(1);
      expect(stderr).to.contain("its signature does not fit what it says: it was changed after it was signed");
    });

    it("refuses what was signed of another image", async () => {
      const { code, stderr } = await forged("borrowed", (_to, signer) => [
        JSON.stringify(signer.sign(provenanceOf(image().digest))),
      ]);
      expect(code).to.equal(1);
      expect(stderr).to.contain("it is signed, but is about another image");
    });

    it("refuses an image of which only the provenance is left", async () => {
      const { code, stderr } = await forged("half", ({ digest }, signer) => [
        JSON.stringify(signer.sign(provenanceOf(digest))),
      ]);
      expect(code).to.equal(1);
      expect(stderr).to.contain("has no signed SBOM");
    });

    it("does not regard what a stranger has put beside an image that is signed", async () => {
      const subject = (await registry.manifest("acme/shop", image().digest, never))?.descriptor;
      if (subject === undefined) throw new Error("it was built");
      const locked = <T>(_name: string, _signal: AbortSignal, work: () => Promise<T>) => work();
      const artifacts = [sampleArtifact("a stranger's")];
      const request = { image: "acme/shop", subject, artifacts, locked, fence: async () => undefined, signal: never };
      await attachArtifacts(http, request);
      const { code, stderr } = await verify(image().reference);
      expect(code, stderr).to.equal(0);
      expect(stderr).to.match(/^not regarded: sha256:[0-9a-f]{64}: it is not a DSSE envelope$/m);
    });

    const isManifest = (path: string) => path.includes(`/manifests/${image().digest}`);
    const more = (body: Buffer) => Buffer.concat([body, Buffer.from(" ")]);
    const lies: [string, Lie, string][] = [
      [
        "the image",
        ({ path }, truth) => (isManifest(path) ? { ...truth, body: more(truth.body) } : null),
        "the registry answers sha256:",
      ],
      [
        "an attestation",
        ({ path }, truth) => (path.includes("/blobs/") ? { ...truth, body: more(truth.body) } : null),
        "with other bytes",
      ],
    ];
    for (const [what, lie, words] of lies) {
      it(`refuses a registry that sends other bytes of ${what}`, async () => {
        const { proxy, env }: LabProxy = await proxyRegistry(lab, folder, lie);
        try {
          const { MERGEDOCK_REGISTRY_API_URL: url = "", MERGEDOCK_REGISTRY_CA_FILE: ca = "" } = env;
          const { username, passwordFile } = lab.account;
          const flags = [
            "--key",
            keyFile,
            "--registry-ca",
            ca,
            "--username",
            username,
            "--password-file",
            passwordFile,
          ];
          const reference = `${new URL(url).host}/acme/shop@${image().digest}`;
          const { code, stderr } = await mergedock(["verify", reference, ...flags]);
          expect(code, stderr).to.equal(1);
          expect(stderr).to.contain("not verified").and.to.contain(words);
        } finally {
          await proxy.stop();
        }
      });
    }

    it("says what is wrong with how it was asked, with exit code 2, and that nobody answers, with 3", async () => {
      for (const [args, words] of [
        [["verify"], "missing required argument 'reference'"],
        [["verify", "shop"], '"shop" is not the whole name of an image'],
        [["verify", image().reference], "say with --key which public key to trust"],
        [["verify", image().reference, "--key", "nowhere.pem"], "nowhere.pem cannot be read"],
        [["verify", image().reference, "--username", "x"], "belong together"],
      ] as const) {
        const { code, stderr } = await mergedock(args);
        expect(code, args.join(" ")).to.equal(2);
        expect(stderr).to.contain(words);
      }
      expect(await mergedock(["verify", "localhost:1/acme/shop:x", "--key", keyFile])).to.include({ code: 3 });
    });
  });

  // The last one of all: it takes the server away.
  describe("checked by the command with no server there", () => {
    it("needs the public key and the registry, and nothing of the server", async () => {
      const key = join(folder, "kept.pem");
      await copyFile(keyFile, key);
      const { apiUrl } = ci.app;
      await ci.stop();
      isStopped = true;
      expect(await fetch(apiUrl).catch(() => "nobody answers")).to.equal("nobody answers");
      keyFile = key;
      const { code, stdout, stderr } = await verify(image().reference);
      expect(code, stderr).to.equal(0);
      expect(stdout).to.match(new RegExp(`^commit +${sha} of refs/heads/main$`, "m"));
    });
  });
});

describe("a server", function () {
  this.timeout(60_000);
  let lab: Lab;
  let folder: string;
  before(async () => {
    lab = await useLab();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "attest-"));
  });
  afterEach(async () => {
    await removeImages(lab);
    await rm(folder, { recursive: true, force: true });
  });

  it("that is told not to attest puts nothing beside the image, and says so", async () => {
    const ci = await Tester.start({ env: { MERGEDOCK_ATTESTATIONS_ENABLED: "false" } });
    const http = await labRegistryHttp(lab);
    try {
      const build = await ci.finished((await ci.merge({ message: "unattested" })).verdict.build);
      expect(build, build.log).to.include({ result: "success" });
      const [image] = build.images;
      expect(image?.attestations).to.deep.equal([]);
      const registry = createRegistryArtifacts(http);
      expect(await registry.referrers("acme/shop", image?.digest ?? "", never)).to.deep.equal([]);
      expect(build.log).to.contain("attest attestations are off: see attestations.enabled in mergedock.yml");
      expect((await fetch(`${ci.app.apiUrl}/attestation-key`)).status).to.equal(404);
    } finally {
      http.close();
      await ci.stop();
    }
  });

  it("that cannot attest ends the build as an error that says so, and still records the image", async () => {
    const lie: Lie = ({ method, path }) =>
      method === "POST" && path.includes("/blobs/uploads/") ? { status: 405, body: Buffer.from("no") } : null;
    const { proxy, env } = await proxyRegistry(lab, folder, lie);
    const ci = await Tester.start({ env });
    try {
      const build = await ci.finished((await ci.merge({ message: "unattestable" })).verdict.build);
      expect(build).to.include({ result: "error" });
      expect(build.failure?.message).to.contain("an upload to acme/shop with 405");
      expect(build.stages.at(-1)).to.include({ name: "attest", result: "error" });
      expect(build.images[0]).to.deep.include({ attestations: [] });
    } finally {
      await ci.stop();
      await proxy.stop();
    }
  });

  it("that meets trouble while it attests tries again, and attests once", async () => {
    let troubles = 0;
    const lie: Lie = ({ method, path }) =>
      method === "PUT" && path.includes("/manifests/sha256-") && ++troubles === 1
        ? { status: 503, body: Buffer.from("busy") }
        : null;
    const { proxy, env } = await proxyRegistry(lab, folder, lie);
    const ci = await Tester.start({ env });
    const http = await labRegistryHttp(lab);
    try {
      const build = await ci.finished((await ci.merge({ message: "troubled" })).verdict.build);
      expect(build, build.log).to.include({ result: "success" });
      expect(build.log).to.contain("try 1 of 2 failed: the registry answered");
      const [image] = build.images;
      const listed = await createRegistryArtifacts(http).referrers("acme/shop", image?.digest ?? "", never);
      expect(listed.map(({ digest }) => digest)).to.deep.equal(image?.attestations.map(({ digest }) => digest));
    } finally {
      http.close();
      await ci.stop();
      await proxy.stop();
    }
  });
});
