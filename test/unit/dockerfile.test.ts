// What a Dockerfile's target is made from: images, and files from elsewhere.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of Dockerfiles

import { expect } from "chai";
import { parseDockerfile } from "../../ci-server/adapters/dockerfile.ts";
import { parseBaseReference } from "../../ci-server/core/base-reference.ts";
import { type Needs, type NeedsRequest, needsOf } from "../../ci-server/core/dockerfile-needs.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { expand, unknown } from "../../ci-server/core/expand.ts";

function needs(text: string, request: Partial<NeedsRequest> = {}): Needs {
  return needsOf(parseDockerfile(text), { target: null, args: {}, platform: "linux/amd64", ...request });
}

describe("the images that a Dockerfile needs", () => {
  const images = (text: string, request: Partial<NeedsRequest> = {}) =>
    needs(text, request).images.map((need) => need.text.replaceAll(unknown, "?"));

  const table: [what: string, text: string, found: string[], request?: Partial<NeedsRequest>][] = [
    ["one", "FROM node:24", ["node:24"]],
    ["none from scratch", "FROM scratch\nCOPY a /a", []],
    ["whatever case and blanks the file has", "\n# hi\n  from   node:24   As  Build\r\n", ["node:24"]],
    ["without its platform", "FROM --platform=$BUILDPLATFORM node:24 AS build", ["node:24"]],
    ["with the ARG before FROM", "ARG V=24\nFROM node:${V}-slim", ["node:24-slim"]],
    ["with an ARG of an ARG, in quotes", "ARG A=no B='d e' C=\"${A}de\"\nFROM $C", ["node"]],
    ["with the recipe's args", "ARG V=24\nFROM node:$V", ["node:26"], { args: { V: "26" } }],
    ["with an ARG without default", "ARG BASE\nFROM $BASE", ["alpine:3"], { args: { BASE: "alpine:3" } }],
    ["empty where nobody gives it", "ARG BASE\nFROM $BASE", [""]],
    ["without args that the file does not declare", "FROM node:${V:-24}", ["node:24"], { args: { V: "26" } }],
    ["with a default in place", "ARG V\nFROM node:${V:-24}", ["node:24"]],
    ["with an alternative", "ARG DEBUG=\nFROM node:24${DEBUG:+-debug}${DEBUG+!}", ["node:24!"]],
    ["with the platform", "FROM arm/$TARGETARCH-${TARGETOS}", ["arm/arm64-linux"], { platform: "linux/arm64/v8" }],
    ["not told by a pattern", "ARG V=24.1\nFROM node:${V%.*}", ["node:?"]],
    ["over two lines, past a comment", "FROM \\\n# no:1\n  node:24", ["node:24"]],
    ["with another escape", "# escape=`\nFROM no`\nde:24", ["node:24"]],
    ["each once", "FROM a AS x\nFROM a AS y\nCOPY --from=x / /\nCOPY --from=a / /", ["a"]],
    [
      "of COPY and of RUN's mounts",
      "FROM a\nCOPY --from=b:1 /x /\nRUN --mount=type=bind,from=c,source=/x ls",
      ["a", "b:1", "c"],
    ],
    ["of a mount in quotes", 'FROM a\nRUN --mount="type=cache,from=c" ls', ["a", "c"]],
    ["not those of a here-document", "FROM a\nRUN <<EOF\nFROM b\nEOF\nCOPY <<X /y\nFROM c\nX", ["a"]],
    ["not those that ONBUILD names for another build", "FROM a\nONBUILD COPY --from=b / /", ["a"]],
    ["not told by a variable in --from", "FROM a\nCOPY --from=$X / /", ["a", "?"]],
    [
      "of the stages that the target needs",
      "FROM a AS one\nFROM b AS two\nFROM c AS three\nCOPY --from=ONE / /",
      ["a", "c"],
    ],
    ["of a stage by number", "FROM a\nFROM b\nFROM c\nCOPY --from=1 / /", ["b", "c"]],
    ["of a target by name", "FROM a AS One\nFROM b AS two", ["a"], { target: "one" }],
    ["of a target by number", "FROM a\nFROM b", ["a"], { target: "0" }],
    ["of a stage that a stage is FROM", "FROM a AS one\nFROM one AS two\nFROM two", ["a"]],
    ["of an image with the name of a later stage", "FROM two\nFROM b AS two\nCOPY --from=0 / /", ["two", "b"]],
  ];
  for (const [what, text, found, request] of table)
    it(`are told: ${what}`, () => expect(images(text, request)).to.deep.equal(found));

  it("stand with their lines", () => {
    const text = "ARG X\n\nFROM a AS b\nRUN x \\\n  y\nCOPY \\\n --from=c / /\n";
    expect(needs(text).images).to.deep.equal([
      { instruction: "FROM", text: "a", line: 3 },
      { instruction: "COPY --from", text: "c", line: 6 },
    ]);
  });

  it("are none of a file without FROM, or without the target", () => {
    expect(() => needs("RUN x")).to.throw(AppError, "has no FROM");
    expect(() => needs("FROM a AS b", { target: "c" })).to.throw(AppError, 'has no stage "c"; it has: b');
  });

  it("do not keep us busy for ever, nor fill the memory", () => {
    const doubling = Array.from({ length: 60 }, (_none, at) => `ARG A${at + 1}=$A${at}$A${at}`);
    expect(() => needs(["ARG A0=x", ...doubling, "FROM $A60"].join("\n"))).to.throw(AppError, "characters");
    expect(() => needs(`FROM ${"${A:-".repeat(10_000)}`)).to.throw(AppError, "nests more than");
    expect(() => needs("FROM a\n".repeat(300))).to.throw(AppError, "more than 200 stages");
    const chain = Array.from({ length: 199 }, (_none, at) => `FROM s${at} AS s${at + 1}\nADD x /x`).join("\n");
    const startedMs = performance.now();
    expect(needs(`FROM a AS s0\n${chain}`).added).to.have.length(199);
    expect(performance.now() - startedMs).to.be.lessThan(2_000);
  });
});

describe("a Dockerfile that is made to take long", () => {
  const chars = 256 * 1024;
  const continued = "RUN \\\n";
  const table: [what: string, text: string, refusal?: string][] = [
    ["by 9,000 lines of RUN that go on", `FROM a\n${continued.repeat(9_000)}`],
    ["by 40,000 of them", `FROM a\n${continued.repeat(40_000)}`, "has more than 10000 lines"],
    ["by them in a here-document", `FROM a\nRUN <<E\n${"ADD --from=b,\\\n".repeat(9_000)}E\n`],
    ["by lines of Macintosh", `FROM a\n${"\r".repeat(chars)}`, "has more than 10000 lines"],
    [
      "by values that are long, and many",
      `FROM scratch\nENV A=${"x".repeat(16_000)}\nADD ${"$A ".repeat(80_000)}`,
      "characters",
    ],
    [
      "by images that are many",
      `FROM a\n${Array.from({ length: 9_000 }, (_none, at) => `COPY --from=a${at} / /`).join("\n")}`,
    ],
    ["by here-documents that are many", `FROM a\n${"RUN <<A\nA\n".repeat(4_500)}`],
    ["by words that are many", `FROM a\nADD ${"x ".repeat(chars / 2)}`],
    ["by arguments that are many", `ARG ${"A ".repeat(chars / 2 - 10)}\nFROM a\nARG ${"A ".repeat(10)}`],
    ["by mounts that are many", `FROM a\nRUN ${"--mount=from=b ".repeat(17_000)}`],
  ];
  for (const [what, text, refusal] of table)
    it(`${what} does not`, () => {
      const begun = process.cpuUsage();
      if (refusal === undefined) needs(text);
      else expect(() => needs(text)).to.throw(AppError, refusal);
      const { user, system } = process.cpuUsage(begun);
      expect((user + system) / 1e6).to.be.lessThan(1);
    });
});

describe("what an older builder may take for an instruction", () => {
  const lookalikes = (body: string) =>
    needs(`FROM a\nRUN <<E\n${body}\nE\n`).lookalikes.map(
      ({ instruction, text, line }) => `${line} ${instruction} ${text}`,
    );
  const table: [what: string, body: string, found: string[]][] = [
    ["is said line by line", "FROM b\nCOPY --from=c / /", ["3 FROM b", "4 COPY c"]],
    ["goes on over lines", "ADD b \\\n  c \\\n  /", ["3 ADD b", "3 ADD c"]],
    ["goes on past comments and empty lines", "COPY \\\n# x\n\n  --from=b / /", ["3 COPY b"]],
    ["may begin within another", "RUN x \\\nFROM b \\\nFROM c \\\nADD d /", ["4 FROM b", "5 FROM c", "6 ADD d"]],
    ["is said once of those within their like", "ADD b \\\nADD c /", ["3 ADD b", "3 ADD ADD", "3 ADD c"]],
  ];
  for (const [what, body, found] of table) it(what, () => expect(lookalikes(body)).to.deep.equal(found));
});

describe("the frontend of a Dockerfile", () => {
  const frontend = (text: string, args = {}) => needs(text, { args }).frontend?.text ?? null;
  const table: [text: string, found: string | null][] = [
    ["FROM a", null],
    ["# syntax=docker/dockerfile:1\nFROM a", "docker/dockerfile:1"],
    ["#SYNTAX = a/b:1 rest\nFROM a", "a/b:1"],
    ["\ufeff# escape=`\n# syntax=a/b\nFROM a", "a/b"],
    ["# a comment\n# syntax=a/b\nFROM a", null],
    ["#!/usr/bin/env x\n# syntax=a/b\nFROM a", "a/b"],
    ["// syntax=a/b\nFROM a", "a/b"],
  ];
  for (const [text, found] of table) {
    it(`of ${JSON.stringify(text)} is ${found}`, () => expect(frontend(text)).to.equal(found));
  }

  it("is what the argument BUILDKIT_SYNTAX says", () => {
    expect(frontend("# syntax=a/b\nFROM a", { BUILDKIT_SYNTAX: "c/d" })).to.equal("c/d");
  });
});

describe("the sources of ADD", () => {
  const added = (text: string, request: Partial<NeedsRequest> = {}) =>
    needs(text, request).added.map((need) => need.text.replaceAll(unknown, "?"));
  const table: [what: string, text: string, found: string[], request?: Partial<NeedsRequest>][] = [
    ["are all but the last word", "FROM a\nADD --chown=1 x https://h/y /z/", ["x", "https://h/y"]],
    ["stand in JSON too", 'FROM a\nADD ["https://h/y", "z"]', ["https://h/y"]],
    ["have ENV and ARG put in", "FROM a\nARG V=1\nENV U=https://h\nADD $U/$V /z", ["https://h/1"]],
    ["have the recipe's args put in", "FROM a\nARG V=1\nADD $V /z", ["2"], { args: { V: "2" } }],
    ["have ARGs from before FROM put in", "ARG V=1\nFROM a\nARG V\nADD $V /z", ["1"]],
    ["take ENV before ARG", "FROM a\nENV V=1\nARG V=2\nADD $V /z", ["1"]],
    ["have ENV in its old form", "FROM a\nENV V one two\nADD $V /z", ["one two"]],
    ["inherit from the stage that theirs is FROM", "FROM a AS b\nENV V=1\nFROM b\nADD $V /z", ["1"]],
    ["are not told where the image may have set them", "FROM a\nADD $V/x /z", ["?/x"]],
    ["are told where there is no image", "FROM scratch\nADD $V/x /z", ["/x"]],
    ["are no here-documents", "FROM a\nADD <<X /z\ny\nX", []],
    ["of other stages do not matter", "FROM a\nADD x /z\nFROM a", []],
  ];
  for (const [what, text, found, request] of table) it(what, () => expect(added(text, request)).to.deep.equal(found));
});

describe("a variable of a Dockerfile", () => {
  const values: Readonly<Record<string, string>> = { a: "A", empty: "" };
  const table: [word: string, value: string][] = [
    ["$a$b.", "A."],
    ["${a}b$", "Ab$"],
    ["'$a'\"$a\"", "$aA"],
    ['\\$a "\\$a\\b"', "$a $a\\b"],
    ["${b:-${a}}|${empty:-x}|${empty-x}", "A|x|"],
    ["${a:+y}${b:+y}${empty+z}", "yz"],
    ["${a:?no}", "A"],
    ["${a#x}", unknown],
    ["${a", unknown],
  ];
  for (const [word, value] of table) {
    it(`in ${word} is put in`, () =>
      expect(expand(word, { escapeChar: "\\", lookup: (name) => values[name] })).to.equal(value));
  }
});

describe("the name of an image", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const table: [text: string, host: string, path: string, tag: string | null, digest: string | null][] = [
    ["node", "docker.io", "library/node", "latest", null],
    ["node:24", "docker.io", "library/node", "24", null],
    ["acme/base", "docker.io", "acme/base", "latest", null],
    ["index.docker.io/node", "docker.io", "library/node", "latest", null],
    ["ghcr.io/acme/base:1", "ghcr.io", "acme/base", "1", null],
    ["localhost/x", "localhost", "x", "latest", null],
    ["Localhost:5000/x", "localhost:5000", "x", "latest", null],
    ["host:5000/a/b:c", "host:5000", "a/b", "c", null],
    ["[::1]:5000/x", "[::1]:5000", "x", "latest", null],
    [`node@${digest}`, "docker.io", "library/node", null, digest],
    [`node:24@${digest}`, "docker.io", "library/node", "24", digest],
  ];
  for (const [text, host, path, tag, found] of table)
    it(`${text} is read`, () => expect(parseBaseReference(text)).to.deep.equal({ host, path, tag, digest: found }));

  for (const text of [
    "",
    "Node",
    "a b",
    "a:b:c",
    "/x",
    "http://h/x",
    "a//b",
    "node@sha256:abc",
    "f".repeat(64),
    "h:99999999/x",
    "a/../b",
    "a\\b.c/x",
  ])
    it(`is not ${JSON.stringify(text)}`, () => expect(parseBaseReference(text)).to.equal(null));
});
