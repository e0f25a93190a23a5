import { expect } from "chai";
import { parseReference } from "../../ci-server/core/parse-reference.ts";

describe("the name of an image", () => {
  const digest = `sha256:${"a".repeat(64)}`;

  for (const [text, host, path, tag, by] of [
    ["localhost:5000/acme/shop:1.2.0", "localhost:5000", "acme/shop", "1.2.0", null],
    ["registry.example.com/shop", "registry.example.com", "shop", "latest", null],
    [`localhost/acme/shop@${digest}`, "localhost", "acme/shop", null, digest],
    [`r.test:1/a/b-c/d__e:x@${digest}`, "r.test:1", "a/b-c/d__e", "x", digest],
  ] as const) {
    it(`${text} is taken apart`, () => {
      expect(parseReference(text)).to.deep.equal({ host, path, tag, digest: by });
    });
  }

  for (const text of [
    ...["", "shop", "acme/shop", "shop:1", "localhost:5000", "localhost:5000/", "localhost:5000/Acme", "r.test/a:"],
    ...["r.test/a@sha256:1", "r.test/a:b:c", "r.test/../a", "https://r.test/a", "r.test/a b", `r.test/a@${digest}@x`],
  ]) {
    it(`${JSON.stringify(text)} is refused, and the sentence says what a whole one looks like`, () => {
      expect(() => parseReference(text)).to.throw("is not the whole name of an image, such as registry.example.com/");
    });
  }
});
