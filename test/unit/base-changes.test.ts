// Which images are built again for which change of a base image.

import { expect } from "chai";
import { rebuildsFor } from "../../ci-server/core/base-changes.ts";
import type { BaseImage } from "../../ci-server/core/build.ts";
import type { WatchedImage } from "../../ci-server/core/ports.ts";

const pushHost = "localhost:5000";
const node: BaseImage = { reference: "node:24", digest: "sha256:old" };
const pullRequest = { number: 7, title: "t", url: "u", author: "ada", mergedBy: null };

function image(service: string, bases: readonly BaseImage[], change: Partial<WatchedImage> = {}): WatchedImage {
  const of = { buildId: 1, repository: "acme/shop", repositoryId: 1, sha: "a".repeat(40), ref: "main", pullRequest };
  return { ...of, deliveryGuid: null, service, path: `acme/shop/${service}`, bases, ...change };
}

function changes(images: readonly WatchedImage[], now: Readonly<Record<string, string>>): string[] {
  const rebuilds = rebuildsFor(images, { now: new Map(Object.entries(now)), pushHost });
  return rebuilds.map(({ image: { service, ref }, bases }) =>
    [service, ref, ...bases.map(({ reference, digest }) => `${reference} ${digest}`)].join(" "),
  );
}

describe("a base image", () => {
  it("that is another one now asks for its images, with all that changed of each", () => {
    const alpine = { reference: "alpine:3", digest: "sha256:a" };
    const images = [image("cart", [node, alpine]), image("pay", [alpine]), image("web", [node])];
    const now = { "node:24": "sha256:new", "alpine:3": "sha256:b" };
    expect(changes(images, { ...now, "alpine:3": "sha256:a" })).to.deep.equal([
      "cart main node:24 sha256:new",
      "web main node:24 sha256:new",
    ]);
    expect(changes(images, now)[0]).to.equal("cart main node:24 sha256:new alpine:3 sha256:b");
  });

  it("that is the same, or of which nobody could say, asks for nothing", () => {
    expect(changes([image("cart", [node])], { "node:24": "sha256:old" })).to.deep.equal([]);
    expect(changes([image("cart", [node])], {})).to.deep.equal([]);
  });

  it("that is named by its digest, or is on the engine alone, asks for nothing", () => {
    const pinned = { reference: `node:24@sha256:${"a".repeat(64)}`, digest: `sha256:${"a".repeat(64)}` };
    const local = { ...node, local: true } as const;
    const now = { [pinned.reference]: "sha256:new", "node:24": "sha256:new" };
    expect(changes([image("cart", [pinned, local])], now)).to.deep.equal([]);
  });

  it("asks for the images that are FROM its images too, after these", () => {
    const built = { reference: `${pushHost}/acme/shop/base:build-7`, digest: "sha256:i", local: true } as const;
    const found = {
      reference: `${pushHost}/acme/shop/cart@sha256:${"c".repeat(64)}`,
      digest: `sha256:${"c".repeat(64)}`,
    };
    const elsewhere = image("else", [{ ...built, reference: `${pushHost}/acme/other/base:build-7` }]);
    const images = [
      image("web", [found]),
      image("cart", [built]),
      elsewhere,
      image("base", [node]),
      image("cart", [built], { ref: "release/1" }),
    ];
    const changed = "node:24 sha256:new";
    expect(changes(images, { "node:24": "sha256:new" })).to.deep.equal([
      `base main ${changed}`,
      `cart main ${changed}`,
      `web main ${changed}`,
    ]);
  });
});
