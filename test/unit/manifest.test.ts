import { expect } from "chai";
import { annotated, isSameContent } from "../../ci-server/core/manifest.ts";
import type { Manifest } from "../../ci-server/core/ports.ts";

const docker = "application/vnd.docker.distribution.manifest.v2+json";
const oci = "application/vnd.oci.image.manifest.v1+json";

describe("an annotated manifest", () => {
  it("has the types of OCI for what Docker's had, and all else as it was", () => {
    const layer = (name: string) => ({
      mediaType: `application/vnd.docker.image.rootfs.${name}`,
      digest: name,
      size: 1,
    });
    const config = { mediaType: "application/vnd.docker.container.image.v1+json", digest: "c", size: 2 };
    const layers = ["diff.tar.gzip", "diff.tar", "diff.tar.zstd", "foreign.diff.tar.gzip"].map(layer);
    const json = { schemaVersion: 2, mediaType: docker, config, layers };
    const made = annotated(json, docker, { b: "2", a: "1" });
    expect(JSON.stringify(made?.annotations)).to.equal('{"a":"1","b":"2"}');
    expect(made).to.deep.include({ schemaVersion: 2, mediaType: oci });
    expect(made?.config).to.deep.equal({ ...config, mediaType: "application/vnd.oci.image.config.v1+json" });
    expect(made?.layers?.map(({ mediaType, digest }) => [digest, mediaType.split(".image.")[1]])).to.deep.equal([
      ["diff.tar.gzip", "layer.v1.tar+gzip"],
      ["diff.tar", "layer.v1.tar"],
      ["diff.tar.zstd", "layer.v1.tar+zstd"],
      ["foreign.diff.tar.gzip", "layer.nondistributable.v1.tar+gzip"],
    ]);
  });

  it("keeps what others have said, and nothing that an earlier build has said of itself", () => {
    const json = { annotations: { "vendor.x": "kept", "dev.mergedock.delivery": "old", title: "old" } };
    expect(annotated(json, oci, { title: "new" })?.annotations).to.deep.equal({ title: "new", "vendor.x": "kept" });
  });

  it("is not made where there is nothing to change, or a list of Docker's has no annotations", () => {
    expect(annotated({ annotations: { b: "2", a: "1" } }, oci, { a: "1" })).to.equal(null);
    expect(annotated({}, "application/vnd.docker.distribution.manifest.list.v2+json", { a: "1" })).to.equal(null);
  });
});

describe("the content of two manifests", () => {
  const manifest = (change: Partial<Manifest>): Manifest => ({
    ...{ digest: "d", mediaType: oci, configDigest: "c", bytes: 1, parts: ["c", "l"], annotations: {} },
    ...change,
  });

  it("is the same with the same digest, the same configuration, or the same images in two lists", () => {
    const list = { configDigest: null, parts: ["x", "y"] };
    expect(isSameContent(manifest({}), manifest({ configDigest: "other" }))).to.equal(true);
    expect(isSameContent(manifest({}), manifest({ digest: "e", parts: ["c", "m"] }))).to.equal(true);
    expect(isSameContent(manifest(list), manifest({ ...list, digest: "e" }))).to.equal(true);
  });

  it("is another one otherwise", () => {
    const list = { digest: "e", configDigest: null, parts: [] };
    for (const other of [{ configDigest: "x" }, list, { configDigest: null, parts: ["c", "l"] }])
      expect(isSameContent(manifest({}), manifest({ digest: "e", ...other }))).to.equal(false);
    expect(isSameContent(manifest({ ...list, digest: "f" }), manifest(list))).to.equal(false);
  });
});
