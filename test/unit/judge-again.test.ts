// What a dry run says of the images' own paths, by what was recorded of the merge.

import { expect } from "chai";
import { type ImagesVerdict, judgeImages, type RecordedMerge } from "../../ci-server/core/judge-again.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";
import { type Service, usualService } from "../../ci-server/core/service.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const cart: Service = { ...usualService("cart"), paths: ["cart/**"] };
const web: Service = { ...usualService("web"), paths: ["web/**"], needs: ["cart"] };
const planned = [
  { service: "cart", verdict: "build", reason: "r" },
  { service: "web", verdict: "skip", reason: "r" },
] as const;
const noPlan = { buildId: 7, plan: null } as const;

function judged(change: Partial<Repository>, merge: RecordedMerge | null, there = ["cart"]): ImagesVerdict | null {
  return judgeImages(exampleRepository(change), merge, (name) => there.includes(name));
}

function files(...names: string[]): RecordedMerge {
  return { ...noPlan, changed: { files: names, total: names.length } };
}

const pending = (what: string) => ({
  rule: { rule: "images", passed: true, saw: `judged after the fetch: ${what}` },
  refusal: null,
});

describe("the images of a dry run", () => {
  it("are judged by the files of the merge where the server's configuration lists them", () => {
    const services = [cart, web];
    const one = judged({ services }, files("web/a"));
    expect(one).to.deep.equal({
      rule: { rule: "images", passed: true, saw: "to build: web; as they were: cart" },
      refusal: null,
    });
    // What is needed and not there is built with it: then all of them are, and there is nothing to tell.
    expect(judged({ services }, files("web/a"), [])).to.equal(null);
    expect(judged({ services }, files("docs/a.md"))).to.deep.equal({
      rule: { rule: "images", passed: false, saw: "to build: none; as they were: cart, web" },
      refusal: "no changed file matches the paths of any image (cart, web); it was 1 changed file: docs/a.md",
    });
    expect(judged({ services: [usualService("shop")] }, files("docs/a.md"))).to.equal(null);
  });

  it("are as they were planned where the repository's own file lists them", () => {
    const merge = { ...files("cart/a"), plan: planned };
    expect(judged({ services: null }, merge)?.rule).to.deep.equal({
      ...{ rule: "images", passed: true },
      saw: "as build 7 was planned, to build: cart; as they were: web",
    });
    const none = { ...files("docs/a.md"), plan: planned.map((one) => ({ ...one, verdict: "skip" as const })) };
    expect(judged({ services: null }, none)).to.deep.include({
      refusal: "no changed file matches the paths of any image (cart, web); it was 1 changed file: docs/a.md",
    });
  });

  it("are judged by the paths that the configuration fixes for all images of the repository's own file", () => {
    const fixed = (paths: string[]) => ({ services: null, fixed: { paths } });
    const merge = { ...files("web/a"), plan: planned };
    expect(judged(fixed(["docs/**"]), merge)?.refusal).to.match(/^no changed file matches .*\(cart, web\)/);
    expect(judged(fixed(["web/**"]), merge)).to.equal(null);
    expect(judged(fixed([]), merge)).to.equal(null);
  });

  it("are left to the build where that is not known, and the trace says so", () => {
    const services = [cart, web];
    const own = "the paths of the images in the commit's .mergedock.yml";
    for (const merge of [null, { ...noPlan, changed: null }]) {
      expect(judged({ services }, merge)).to.deep.equal(pending("the paths of cart, web"));
      expect(judged({ services: null }, merge)).to.deep.equal(pending(own));
    }
    expect(judged({ services: null, fixed: { paths: ["x"] } }, files("x"))).to.deep.equal(pending(own));
    // A file that was not kept may match.
    const part: RecordedMerge = { ...noPlan, changed: { files: ["docs/a.md"], total: 2 } };
    expect(judged({ services }, part)).to.deep.equal(pending("the paths of cart, web"));
    const enough: RecordedMerge = { ...noPlan, changed: { files: ["cart/a"], total: 2 } };
    expect(judged({ services }, enough)).to.equal(null);
  });
});
