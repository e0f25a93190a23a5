// Which hosts a Dockerfile may let the engine speak to.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of Dockerfiles

import { expect } from "chai";
import { parseDockerfile } from "../../ci-server/adapters/dockerfile.ts";
import { type BasePolicy, type Refusal, refuseNeeds } from "../../ci-server/core/base-policy.ts";
import { needsOf } from "../../ci-server/core/dockerfile-needs.ts";

const usual: BasePolicy = {
  registries: null,
  addHosts: null,
  own: "localhost:5000",
  configured: ["registry.lan:5000", "10.0.0.7:5000"],
};

function refuse(
  text: string,
  policy: Partial<BasePolicy> = {},
  args: Readonly<Record<string, string>> = {},
): Refusal | null {
  const needs = needsOf(parseDockerfile(text), { target: null, args, platform: "linux/amd64" });
  return refuseNeeds(needs, { ...usual, ...policy });
}

describe("T20: the hosts of a Dockerfile", () => {
  const allowed = [
    "FROM node:24",
    "FROM scratch",
    "FROM acme/base:1",
    "FROM ghcr.io/acme/base:1",
    "FROM registry.example.com:5000/base",
    "FROM localhost:5000/acme/base",
    "FROM registry.lan:5000/base",
    "FROM 10.0.0.7:5000/base",
    "# syntax=docker/dockerfile:1\nFROM node",
    "FROM node\nCOPY --from=gcr.io/distroless/base:latest / /",
    "FROM node\nADD https://example.com/x.tgz https://github.com/a/b.git#v1 git@github.com:a/b.git /x/",
    "FROM node\nONBUILD COPY --from=builder . /x\nONBUILD ADD https://example.com/$V.tgz ./$X /x/\nONBUILD ENV A=b",
    "FROM node\nADD . local/file.tgz /${HOME}/x ./$UNKNOWN target/app-$V.jar https://example.com/$V.tgz /x/",
    "FROM 127.0.0.1/a AS unused\nFROM node",
    "FROM node\nRUN <<X python\nfrom os.path import join\nfrom . import a\nX",
    "FROM node\nCOPY <<X /Dockerfile\nFROM base AS b\nCOPY --from=b a b\nADD https://example.com/ x\nX",
    "FROM node\n# FROM 127.0.0.1/a\nRUN x \\\n# ADD http://127.0.0.1/ x\n  y",
  ];
  for (const text of allowed) it(`are allowed: ${JSON.stringify(text)}`, () => expect(refuse(text)).to.equal(null));

  const refused: [text: string, line: number, words: string][] = [
    ["FROM 127.0.0.1:5001/x", 1, "127.0.0.1:5001 is neither a public name nor a registry of the configuration"],
    ["FROM a\nONBUILD COPY --from=127.0.0.1/x / /", 2, "ONBUILD COPY --from 127.0.0.1/x is refused"],
    ["FROM a\nonbuild run --mount=from=127.0.0.1/x y", 2, "ONBUILD RUN --mount 127.0.0.1/x is refused"],
    [
      "FROM a\nONBUILD ADD http://127.0.0.1/x /",
      2,
      "ADD http://127.0.0.1/x is refused: 127.0.0.1 is not a public name",
    ],
    ["FROM scratch\nENV U=./x\nONBUILD ADD $U /", 3, "whether it is an address is known during the build only"],
    ["FROM 127.1/x", 1, "127.1 is neither"],
    ["FROM 2130706433:80/x", 1, "2130706433:80 is neither"],
    ["FROM 0x7f.0x1/x", 1, "is neither"],
    ["FROM [::1]:5000/x", 1, "[::1]:5000 is neither"],
    ["FROM 169.254.169.254/x", 1, "169.254.169.254 is neither"],
    ["FROM localhost/x", 1, "localhost is neither"],
    ["FROM LOCALHOST:5001/x", 1, "localhost:5001 is neither"],
    ["FROM vault:8200/x", 1, "vault:8200 is neither"],
    ["FROM registry.internal/x", 1, "registry.internal is neither"],
    ["FROM metadata.google.internal/x", 1, "is neither"],
    ["FROM printer.local/x", 1, "is neither"],
    ["FROM registry.lan:5001/base", 1, "registry.lan:5001 is neither"],
    ["ARG H=127.0.0.1\nFROM ${H}:5001/x", 2, "127.0.0.1:5001 is neither"],
    ["FROM $X/${Y#z}", 1, "a variable in it has a value that is known during the build only"],
    ["FROM", 1, "(empty) is refused: it is not the name of an image"],
    ["FROM http://127.0.0.1/x", 1, "it is not the name of an image"],
    ["FROM node\nCOPY --from=127.0.0.1/x / /", 2, "COPY --from 127.0.0.1/x is refused"],
    ["FROM node\nRUN \\\n  --mount=from=127.0.0.1/x,type=bind ls", 2, "RUN --mount 127.0.0.1/x is refused"],
    ["# syntax=127.0.0.1/x\nFROM node", 1, "# syntax 127.0.0.1/x is refused: a frontend of its own"],
    ["# syntax=evil/frontend\nFROM node", 1, "a frontend of its own"],
    ["FROM node\nADD http://127.0.0.1/x /", 2, "127.0.0.1 is not a public name"],
    ["FROM node\nADD HTTP://2130706433/x /", 2, "127.0.0.1 is not a public name"],
    ["FROM node\nADD https://example.com@127.0.0.1/x /", 2, "127.0.0.1 is not a public name"],
    ["FROM node\nADD https://127.0.0.1\\\\@example.com/x /", 2, "is refused"],
    ["FROM node\nADD git@127.0.0.1:a/b.git /", 2, "127.0.0.1 is not a public name"],
    ["FROM node\nADD git://localhost/a.git /", 2, "localhost is not a public name"],
    ["FROM node\nADD ssh://git@[::1]:22/a.git /", 2, "[::1] is not a public name"],
    ['FROM node\nADD ["x", "http://127.0.0.1/", "/"]', 2, "127.0.0.1 is not a public name"],
    ["FROM node\nARG U=http://127.0.0.1\nADD $U/x /", 3, "127.0.0.1 is not a public name"],
    ["FROM node\nADD http://$UNKNOWN/x /", 2, "its host cannot be told"],
    ["FROM node\nADD http://example.com$UNKNOWN /", 2, "its host cannot be told"],
    ["FROM node\nADD $UNKNOWN /", 2, "whether it is an address is known during the build only"],
    ["FROM node\nADD ht$UNKNOWN /", 2, "whether it is an address"],
    ["FROM node\nRUN <<CMD\nFROM 127.0.0.1/x\nCMD", 3, "FROM 127.0.0.1/x is refused"],
    ["ARG H=127.0.0.1\nFROM node\nRUN <<CMD\nFROM \\\n$H/x\nCMD", 4, "FROM 127.0.0.1/x is refused"],
    ["FROM node\nCOPY <<CMD /x\nADD http://127.0.0.1/ /\nCOPY --from=[::1]/x / /\nCMD", 3, "127.0.0.1 is not"],
  ];
  for (const [text, line, words] of refused) {
    it(`are refused: ${JSON.stringify(text)}`, () => {
      const refusal = refuse(text);
      expect(refusal?.message).to.contain(words);
      expect(refusal?.need.line).to.equal(line);
      expect(refusal?.hint).to.match(/base_registries|add_hosts|ARG/);
    });
  }

  it("are refused where the recipe's args lead there", () => {
    const text = "ARG BASE=node\nFROM $BASE";
    expect(refuse(text)).to.equal(null);
    expect(refuse(text, {}, { BASE: "127.0.0.1/x" })?.message).to.contain("127.0.0.1 is neither");
    expect(refuse(text, {}, { BUILDKIT_SYNTAX: "evil/frontend" })?.message).to.contain("BUILDKIT_SYNTAX evil/frontend");
  });

  it("are those of a list, where there is one, and our own", () => {
    const registries = ["docker.io", "Localhost:5001"];
    for (const text of ["FROM node", "FROM localhost:5001/x", "FROM localhost:5000/x"])
      expect(refuse(text, { registries }), text).to.equal(null);
    const words = "ghcr.io is not among docker.io, Localhost:5001 (base_registries)";
    expect(refuse("FROM ghcr.io/x", { registries })?.message).to.contain(words);
    expect(refuse("FROM registry.lan:5000/x", { registries })?.message).to.contain("is not among");
    expect(refuse("FROM node", { registries: [] })?.message).to.contain("is not among none");
    const script = "FROM node\nRUN <<X\nfrom os import path\nX";
    expect(refuse(script, { registries: ["docker.io"] })).to.equal(null);
  });

  it("are those of ADD's list, where there is one, with or without a port", () => {
    const addHosts = ["files.lan", "10.0.0.1:8080"];
    for (const source of ["http://files.lan/x", "http://files.lan:81/x", "http://10.0.0.1:8080/x"])
      expect(refuse(`FROM node\nADD ${source} /`, { addHosts }), source).to.equal(null);
    for (const source of ["https://example.com/x", "http://10.0.0.1/x"])
      expect(refuse(`FROM node\nADD ${source} /`, { addHosts })?.message, source).to.contain("(add_hosts)");
  });

  it("are any where the operator says so", () => {
    const open = { registries: ["*"], addHosts: ["*"] };
    const text = "# syntax=evil/x\nFROM 127.0.0.1/$X\nADD http://127.0.0.1/$Y $Z /\nRUN <<CMD\nFROM 127.0.0.1/x\nCMD";
    expect(refuse(text, open)).to.equal(null);
  });
});
