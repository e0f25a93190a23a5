// T20: what a base image brings along is judged where the builder does it, with the values that it has there.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of Dockerfiles

import { expect } from "chai";
import { parseDockerfile } from "../../ci-server/adapters/dockerfile.ts";
import { parseBrought } from "../../ci-server/adapters/onbuild.ts";
import type { BasePolicy, Refusal } from "../../ci-server/core/base-policy.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { refuseBrought } from "../../ci-server/core/onbuild.ts";

const usual: BasePolicy = { registries: null, addHosts: null, own: "localhost:5000", configured: [] };

function refuse(text: string, brought: Record<string, string[]>, policy: Partial<BasePolicy> = {}): Refusal | null {
  return refuseBrought({
    dockerfile: parseDockerfile(text),
    needs: { target: null, args: {}, platform: "linux/amd64" },
    brought: Object.entries(brought).map(([reference, lines]) => parseBrought(reference, lines)),
    policy: { ...usual, ...policy },
  });
}

describe("T20: what a base image brings along", () => {
  const allowed: [string, string[]][] = [
    ["FROM node", ["COPY . /app", "ADD . /app", "RUN npm ci", "ENV A=b", "ARG V", "ADD https://example.com/x.tgz /"]],
    ["FROM node AS builder\nFROM base", ["COPY --from=builder /app /app", "COPY --from=0 / /"]],
    ["FROM node", ["ARG D=src", "ADD $D /app"]],
  ];
  for (const [text, lines] of allowed)
    it(`is allowed: ${JSON.stringify(lines)}`, () => expect(refuse(text, { node: lines, base: lines })).to.equal(null));

  const refused: [string, string][] = [
    ["ADD http://127.0.0.1/x /", "ADD http://127.0.0.1/x is refused: 127.0.0.1 is not a public name"],
    ["  add http://127.0.0.1/x /", "127.0.0.1 is not a public name"],
    ["\n# a comment\nADD http://127.0.0.1/x /", "127.0.0.1 is not a public name"],
    ["ADD $UNKNOWN /", "whether it is an address is known during the build only"],
    ["COPY --from=127.0.0.1/x / /", "COPY --from 127.0.0.1/x is refused"],
    ["RUN --mount=from=127.0.0.1/x ls", "RUN --mount 127.0.0.1/x is refused"],
    ["ONBUILD ADD http://127.0.0.1/x /", "127.0.0.1 is not a public name"],
    ["FROM 127.0.0.1/x\nADD http://127.0.0.1/x /", "127.0.0.1 is not a public name"],
    ["RUN <<X\nFROM 127.0.0.1/x\nX", "FROM 127.0.0.1/x is refused"],
  ];
  for (const [line, words] of refused) {
    it(`is refused: ${JSON.stringify(line)}`, () => {
      const refusal = refuse("# of two\nFROM scratch AS one\nFROM node:24\nRUN x", { "node:24": ["ENV A=b", line] });
      expect(refusal?.message)
        .to.contain("node:24 brings along for every image that is FROM it (ONBUILD): ")
        .and.contain(words);
      expect(refusal?.need.line).to.equal(3);
      expect(refusal?.hint).to.contain("take a base image without that");
    });
  }

  it("has the values that it has in the stage, and sets them for what follows", () => {
    const text = "FROM node\nADD $U /";
    expect(refuse(text, { node: ["ARG U=http://127.0.0.1/x"] })?.message).to.contain("127.0.0.1 is not a public name");
    expect(refuse("FROM node", { node: ["ENV H=127.0.0.1", "ADD http://$H/x /"] })?.message).to.contain("127.0.0.1");
  });

  it("counts for the stages that are FROM it, and are built", () => {
    const lines = { bad: ["ADD http://127.0.0.1/x /"] };
    expect(refuse("FROM node\nCOPY --from=bad / /", lines)).to.equal(null);
    expect(refuse("FROM bad AS unused\nFROM node", lines)).to.equal(null);
    expect(refuse("ARG B=bad\nFROM $B AS one\nFROM one", lines)?.need.line).to.equal(2);
  });

  it("is any where the operator says so", () => {
    expect(refuse("FROM bad", { bad: ["ADD http://127.0.0.1/x /"] }, { addHosts: ["127.0.0.1"] })).to.equal(null);
  });

  it("is refused where it is too much to be read", () => {
    for (const lines of [Array.from({ length: 501 }, () => "ENV A=b"), [`ENV A=${"x".repeat(300_000)}`]])
      expect(() => parseBrought("node", lines)).to.throw(AppError, "node brings along too much");
  });
});
