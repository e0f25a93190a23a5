// What a repository's own file may say, and how each mistake of it is told: with its line and its column.

import { expect } from "chai";
import { parseYaml } from "../../ci-server/adapters/yaml.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";
import { type RecipeFile, readConcurrency, readRecipeFile } from "../../ci-server/core/recipe-file.ts";
import { fixedMistakes, withFixed } from "../../ci-server/core/server-fields.ts";
import { usualService } from "../../ci-server/core/service.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const allowed = { pushHost: "localhost:5000", registryHosts: ["registry.acme.test"] };

function read(text: string | Uint8Array, change: Partial<Repository> = {}): RecipeFile {
  const repository = exampleRepository({ services: null, secrets: { npm_token: "/secrets/npm" }, ...change });
  return readRecipeFile(parseYaml(Buffer.from(text)), repository, allowed);
}

function mistakes(text: string | Uint8Array, change: Partial<Repository> = {}): string[] {
  try {
    read(text, change);
  } catch (error) {
    expect(error).to.include({ name: "AppError", code: "invalid" });
    return (error as Error).message.split("\n");
  }
  return [];
}

describe("a repository's own file", () => {
  it("says all of an image", () => {
    const { images, concurrency } = read(`
images:
  - service: base
  - service: cart
    context: services/cart
    dockerfile: docker/Dockerfile
    target: runtime
    paths: ["services/cart/**", "libs/**", "!**/*.md"]
    args: { NODE_ENV: production, PORT: 80, DEBUG: false, PYTHON: 3.10 }
    secrets: [npm_token]
    tags: |
      # as released
      type=semver,pattern={{version}}

      type=sha
    labels: { team: checkout }
    type: docker
    needs: [base]
    no_cache: true
    push_to: [registry.acme.test/team/cart, localhost:5000/acme/shop/copies]
concurrency: supersede
`);
    expect(concurrency).to.equal("supersede");
    expect(images?.[0]).to.deep.equal(usualService("base"));
    expect(images?.[1]).to.deep.equal({
      ...{ name: "cart", context: "services/cart", dockerfile: "docker/Dockerfile", target: "runtime" },
      paths: ["services/cart/**", "libs/**", "!**/*.md"],
      args: { NODE_ENV: "production", PORT: "80", DEBUG: "false", PYTHON: "3.10" },
      ...{
        flavor: [],
        secrets: ["npm_token"],
        tags: ["type=semver,pattern={{version}}", "type=sha"],
        labels: { team: "checkout" },
      },
      ...{ type: "docker", needs: ["base"], noCache: true },
      pushTo: ["registry.acme.test/team/cart", "localhost:5000/acme/shop/copies"],
    });
  });

  it("is of one image by default, and of the repository's own name where it names none", () => {
    const nothing = { images: null, concurrency: null };
    expect(read("")).to.deep.equal(nothing);
    expect(read("# later\n")).to.deep.equal(nothing);
    expect(read("images: [{ target: runtime }]").images).to.deep.equal([
      { ...usualService("shop"), target: "runtime" },
    ]);
  });

  it("may give names to parts and use them again", () => {
    const { images } = read("images:\n  - { service: a, args: &same { X: 1 } }\n  - { service: b, args: *same }\n");
    expect(images?.map(({ args }) => args)).to.deep.equal([{ X: "1" }, { X: "1" }]);
  });

  const image = (field: string) => `images:\n  - service: cart\n    ${field}\n`;
  const wrong: [what: string, text: string, ...lines: string[]][] = [
    [
      "a word that is none",
      "imags: []",
      '1:1: imags: there is no such field; did you mean "images"? There are: images, concurrency',
    ],
    [
      "a field that an image has not",
      image("tagret: x"),
      '3:5: images[0].tagret: there is no such field; did you mean "target"? There are: service, context, dockerfile, target, paths, args, secrets, tags, flavor, labels, type, needs, no_cache, push_to',
    ],
    ["a list instead of names", "- images", '1:1: has to be names and values, such as "images:"'],
    ["text instead of names", "hello", '1:1: has to be names and values, such as "images:"'],
    ["no image", "images: []", "1:1: images: has to list an image"],
    ["an image that is none", "images:\n  - cart", "2:5: images[0]: Invalid input: expected object, received string"],
    [
      "a service's name",
      "images:\n  - service: Cart",
      "2:5: images[0].service: has to be lower-case letters and digits, joined by single . _ -",
    ],
    ["a target", image("target: a b"), "3:5: images[0].target: has to be the name of a stage"],
    ["a type", image("type: zip"), '3:5: images[0].type: Invalid option: expected one of "docker"|"ami"'],
    [
      "paths that are no list",
      image("paths: src"),
      "3:5: images[0].paths: Invalid input: expected array, received string",
    ],
    [
      "a path pattern",
      image("paths: [a, /b]"),
      "3:16: images[0].paths[1]: has to begin with a folder or a file, such as services/cart/**",
    ],
    ["an argument's name", image("args: { 1A: x }"), "3:13: images[0].args.1A: has to be the name of a variable"],
    [
      "an argument's value",
      image("args: { A: [x] }"),
      "3:13: images[0].args.A: has to be text of at most 4000 characters",
    ],
    [
      "tags",
      image("tags: [1, {}]"),
      "3:5: images[0].tags: has to be text with a rule in each line, or a list of rules",
    ],
    ["labels", image("labels: [a]"), "3:5: images[0].labels: Invalid input: expected record, received array"],
    ["no_cache", image("no_cache: often"), "3:5: images[0].no_cache: Invalid input: expected boolean, received string"],
    [
      "a destination with a tag",
      image("push_to: [registry.acme.test/cart:1]"),
      "3:15: images[0].push_to[0]: has to be host/name, without a tag",
    ],
    [
      "concurrency",
      "concurrency: all",
      '1:1: concurrency: Invalid option: expected one of "queue"|"supersede"|"parallel"',
    ],
    ["a name that stands there twice", image("target: a\n    target: b"), '4:5: "target" stands here twice'],
    [
      "two images of one service",
      "images:\n  - service: shop\n  - target: x\n",
      '3:5: images[1].service: there are two images of the service "shop"',
    ],
    [
      "a need that nobody is",
      image("needs: [bas]\n  - service: base"),
      '3:13: images[0].needs[0]: there is no service "bas"; did you mean "base"? There are: cart, base',
    ],
    ["a need of itself", image("needs: [cart]"), "3:13: images[0].needs[0]: goes in a circle: cart needs cart"],
    [
      "needs in a circle",
      image("needs: [b]\n  - { service: b, needs: [c] }\n  - { service: c, needs: [cart] }"),
      "3:13: images[0].needs[0]: goes in a circle: cart needs b needs c needs cart",
      "4:27: images[1].needs[0]: goes in a circle: b needs c needs cart needs b",
      "5:27: images[2].needs[0]: goes in a circle: c needs cart needs b needs c",
    ],
    ["a need named twice", image("needs: [b, b]\n  - service: b"), "3:16: images[0].needs[1]: stands here twice"],
    [
      "two needs of one argument",
      image("needs: [a-b, a.b]\n  - service: a-b\n  - service: a.b"),
      '3:18: images[0].needs[1]: "a-b" and "a.b" would both be the argument A_B_IMAGE',
    ],
    [
      "an argument that a need gives",
      image("needs: [b]\n    args: { B_IMAGE: x }\n  - service: b"),
      "4:13: images[0].args.B_IMAGE: is given by needs; choose another name",
    ],
    [
      "a secret that the server does not give",
      image("secrets: [npm_token, aws]"),
      '3:26: images[0].secrets[1]: the server has no secret "aws" for acme/shop; it has: npm_token',
    ],
    [
      "a registry that the server does not know",
      image("push_to: [ghcr.io/acme/cart]"),
      "3:15: images[0].push_to[0]: the server's configuration has no registry ghcr.io; it has: registry.acme.test, localhost:5000/acme/shop",
    ],
    [
      "another repository's place in our registry",
      image("push_to: [localhost:5000/acme/shopping]"),
      "3:15: images[0].push_to[0]: in the server's own registry this repository has localhost:5000/acme/shop and what is below it",
    ],
    [
      "YAML that is none",
      "images:\n  - service: [cart",
      "2:19: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    [
      "a second document",
      "images:\n---\nconcurrency: queue",
      "2:1: Source contains multiple documents; please use YAML.parseAllDocuments()",
    ],
  ];
  for (const [what, text, ...lines] of wrong) {
    it(`is refused for ${what}, with the place of it`, () => {
      expect(mistakes(text)).to.deep.equal(lines.map((line) => `.mergedock.yml:${line}`));
    });
  }

  for (const context of ["../../etc", "/etc/passwd", '"a\\0b"', "a/../../b", "'..\\\\b'"]) {
    it(`T18: is refused for the context ${context}`, () => {
      const [line, ...others] = mistakes(image(`context: ${context}`));
      expect(others).to.deep.equal([]);
      expect(line).to.match(/^\.mergedock\.yml:3:5: images\[0\]\.context: (?:has to be|must not lead out)/);
      expect(mistakes(image(`dockerfile: ${context}`))[0]).to.contain("images[0].dockerfile: ");
    });
  }

  for (const name of ["NPM_TOKEN", "password", "AWS_SECRET", "API_KEY", "GITHUB_APP_PRIVATE_KEY"]) {
    it(`T23: is refused for the build argument ${name}, which would stand in the image's history`, () => {
      expect(mistakes(image(`args: { ${name}: x }`))).to.deep.equal([
        `.mergedock.yml:3:13: images[0].args.${name}: looks like a secret, and args stand in the image's history for all to read; name it under secrets`,
      ]);
    });
  }

  it("has all of its mistakes reported, in their order", () => {
    const text =
      "concurency: queue\nimages:\n  - service: B\n    secrets: [x]\n  - service: c\n    needs: [d]\n    target: 7 7\n";
    expect(mistakes(text).map((line) => line.split(" ").slice(0, 2).join(" "))).to.deep.equal([
      ".mergedock.yml:1:1: concurency:",
      ".mergedock.yml:3:5: images[0].service:",
      ".mergedock.yml:4:15: images[0].secrets[0]:",
      ".mergedock.yml:6:13: images[1].needs[0]:",
      ".mergedock.yml:7:5: images[1].target:",
    ]);
  });

  it("must not say what the server's configuration forbids, wherever it stands", () => {
    const text = "concurrency: parallel\nimages:\n  - service: a\n    secrets: []\n  - service: b\n    push_to: []\n";
    const words = "the server's configuration forbids it for this repository";
    expect(mistakes(text, { forbidden: ["secrets", "push_to", "concurrency"] })).to.deep.equal([
      `.mergedock.yml:1:1: concurrency: ${words}`,
      `.mergedock.yml:4:5: images[0].secrets: ${words}`,
      `.mergedock.yml:6:5: images[1].push_to: ${words}`,
    ]);
    expect(mistakes("images: [{ service: a }]", { forbidden: ["images"] })).to.deep.equal([
      `.mergedock.yml:1:1: images: ${words}`,
    ]);
    expect(mistakes("images: [{ service: a }]", { forbidden: ["secrets"] })).to.deep.equal([]);
  });

  it("is overruled by what the server's configuration fixes, args and labels name by name", () => {
    const [said] = read("images: [{ target: dev, args: { A: 1, B: 2 }, tags: [type=sha] }]").images ?? [];
    const fixed = { target: "runtime", args: { B: "3" }, tags: ["type=ref,event=pr"], noCache: true };
    expect(withFixed(said ?? usualService("x"), fixed)).to.deep.equal({
      ...usualService("shop"),
      ...{ target: "runtime", args: { A: "1", B: "3" }, tags: ["type=ref,event=pr"], noCache: true },
    });
  });

  it("is overruled in what its images need, but for those that the others need by what is fixed", () => {
    const text = "images:\n- { service: os }\n- { service: base, needs: [os] }\n- { service: web, needs: [os] }\n";
    const fix = (needs: string[]) =>
      (read(text).images ?? []).map((service) => withFixed(service, { needs })).map((service) => service.needs);
    expect(fix(["base", "os"])).to.deep.equal([[], ["os"], ["base", "os"]]);
    expect(fix([])).to.deep.equal([[], [], []]);
    const mistaken = (needs: string[]) =>
      fixedMistakes((read(text).images ?? []).map((service) => withFixed(service, { needs })));
    expect(mistaken(["base", "os"])).to.deep.equal([]);
    const words = "the server's configuration does not fit the images of this commit";
    expect(mistaken(["x"])).to.deep.equal(
      ["os", "base", "web"].map(
        (name) => `${words}: ${name}: needs[0]: there is no service "x"; There are: os, base, web`,
      ),
    );
    expect(mistaken(["base"])).to.deep.equal([
      `${words}: os: needs[0]: goes in a circle: os needs base needs os`,
      `${words}: base: needs[0]: goes in a circle: base needs os needs base`,
    ]);
  });

  it("has one image, of the repository's own name, where it must not name any", () => {
    const words = "the server's configuration forbids it for this repository";
    const forbidden = { forbidden: ["service"] } as const;
    expect(mistakes("images: [{ service: a }]", forbidden)).to.deep.equal([
      `.mergedock.yml:1:12: images[0].service: ${words}`,
    ]);
    expect(mistakes("images: [{ target: a }]", forbidden)).to.deep.equal([]);
    expect(mistakes("images: [{ target: a }, { target: b }]", forbidden).join()).to.contain(
      "two images of the service",
    );
  });

  it("is asked for its concurrency alone where the server lists the images", () => {
    const of = (text: string) => readConcurrency(parseYaml(Buffer.from(text)));
    expect(of("images: [nonsense]\nconcurrency: parallel")).to.equal("parallel");
    expect(of("other: 1")).to.equal(null);
    expect(() => of("concurrency: x")).to.throw(".mergedock.yml:1:1: concurrency: Invalid option");
    expect(() => of("a: [")).to.throw(".mergedock.yml:1:5: ");
  });

  it("has to be text in UTF-8", () => {
    expect(mistakes(Buffer.from([0x61, 0xff]))).to.deep.equal([".mergedock.yml:1:1: has to be text in UTF-8"]);
  });

  it("has its line ends taken out of names before they come into a log", () => {
    expect(mistakes('"a\\nb": 1')).to.deep.equal([
      ".mergedock.yml:1:1: a?b: there is no such field; There are: images, concurrency",
    ]);
  });
});
