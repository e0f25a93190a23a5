import { expect } from "chai";
import { dockerfileLine } from "../../ci-server/core/dockerfile-line.ts";

const several = `# a comment
FROM node:24 AS Deps
WORKDIR /app
COPY package.json .
ENV A=1

RUN npm ci \\
  # a comment in the middle

  --omit=dev
FROM deps
RUN one
FROM scratch as last
COPY --from=1 /a /b
ADD c d
`;

const cases: readonly (readonly [what: string, dockerfile: string, step: string, line: number | null])[] = [
  ["a stage by its name, whatever its case", several, "[deps 2/4] WORKDIR /app", 3],
  ["an instruction on several lines where it begins", several, "[deps 4/4] RUN npm ci   --omit=dev", 7],
  ["what comes after it", several, "[last 2/2] ADD c d", 15],
  ["a stage without a name by its number", several, "[stage-1 1/1] RUN one", 12],
  ["a stage that is FROM nothing", several, "[last 1/2] COPY --from=1 /a /b", 14],
  ["a base image", several, "[deps 1/4] FROM docker.io/library/node:24@sha256:0", 2],
  ["a platform in front of the stage", several, "[linux/amd64 deps 3/4] COPY package.json .", 4],
  ["a platform that is built on another", several, "[linux/arm64->amd64 deps 3/4] COPY package.json .", 4],
  ["the only stage, which has no name", "FROM scratch\nCOPY a /\nRUN x\n", "[2/2] RUN x", 3],
  ["lower case", "from scratch\ncopy a /\nrun x\n", "[2/2] RUN x", 3],
  ["Windows' line ends", "FROM scratch\r\nCOPY a \\\r\n  /\r\nRUN x\r\n", "[2/2] RUN x", 4],
  ["another escape", "# escape=`\nFROM scratch\nRUN a `\n  b\nRUN c \\\nRUN d\n", "[3/3] RUN d", 6],
  ["a heredoc", "FROM a\nRUN <<EOF cat <<-'B'\nRUN no\nEOF\nRUN no\n\tB\nRUN yes\n", "[3/3] RUN yes", 7],
  ["what a base image's ONBUILD adds in front", "FROM a\nRUN x\nRUN y\n", "[4/5] RUN x", 2],
  ["no step of ONBUILD itself", "FROM a\nRUN x\n", "[2/3] COPY . .", null],
  ["no other instruction than the step's", "FROM a\nRUN x\nCOPY y z\n", "[3/3] RUN y", null],
  ["no stage that is not there", several, "[nowhere 1/1] RUN x", null],
  ["nothing of BuildKit's own", several, "[internal] load build context", null],
  ["nothing in an empty file", "", "[1/1] RUN x", null],
  ["nothing in a file that does not end", "FROM a\nRUN x \\", "[2/2] RUN x", 2],
];

describe("the line of a Dockerfile that a step was made of", () => {
  for (const [what, dockerfile, step, line] of cases)
    it(`finds ${what}`, () => expect(dockerfileLine(dockerfile, step)).to.equal(line));

  it("does not take long over a file that is made to take long", () => {
    const startedMs = performance.now();
    dockerfileLine(`FROM a\n${"RUN <<".repeat(50_000)}\n${" \\\n".repeat(100_000)}`, "[2/2] RUN x");
    dockerfileLine("\r".repeat(250_000), "[2/2] RUN x");
    dockerfileLine(`FROM ${" AS".repeat(100_000)}\nRUN ${"<<-a ".repeat(20_000)}`, "[a 2/2] RUN x");
    expect(performance.now() - startedMs).to.be.lessThan(2_000);
  });
});
