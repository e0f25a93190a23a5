// The line of a Dockerfile that a failure is about.

import { expect } from "chai";
import { lineOfMessage, lineOfStep } from "../../ci-server/core/step-line.ts";

const dockerfile = `# syntax is none of ours
ARG TAG=1
FROM registry.example.com:5000/team/node:22 AS Build
WORKDIR /app

COPY package.json \\
     # a comment within
     package-lock.json ./
RUN npm ci && \\
    npm run build
run echo again
RUN <<EOT
echo FROM scratch
exit 5
EOT
ENV NAME=shop
FROM build AS test
RUN echo again
FROM scratch
COPY --from=build /app/dist /srv/$NAME
RUN echo again
RUN echo again
`;

describe("the Dockerfile's line", () => {
  const steps: [name: string, line: number | null][] = [
    ["[build 1/6] FROM registry.example.com:5000/team/node:22@sha256:0123", 3],
    ["[build 2/6] WORKDIR /app", 4],
    ["[build 3/6] COPY package.json      package-lock.json ./", 6],
    ["[build 4/6] RUN npm ci &&     npm run build", 9],
    ["[build 5/6] RUN echo again", 11],
    ["[build 6/6] RUN <<EOT (echo FROM scratch...)", 12],
    ["[linux/arm64 build 4/6] RUN npm ci &&     npm run build", 9],
    ["[test 1/1] RUN echo again", 18],
    ["[stage-2 1/3] COPY --from=build /app/dist /srv/shop", 20],
    ["[stage-2 2/3] RUN echo again", 21],
    ["[stage-2 3/3] RUN echo again", 22],
    ["[4/6] RUN npm ci &&     npm run build", 9],
    ["[other 9/9] RUN something else", null],
    ["exporting to image", null],
  ];
  for (const [name, line] of steps)
    it(`of the step ${name} is ${line}`, () => expect(lineOfStep(dockerfile, name)?.line ?? null).to.equal(line));

  const messages: [message: string, line: number | null][] = [
    ["failed to create LLB definition: dockerfile parse error line 9: unknown instruction: RUNN", 9],
    ["dockerfile parse error on line 16: ENV must have two arguments", 16],
    ['failed to do request: Head "https://registry.example.com:5000/v2/team/node/manifests/22": dial tcp: no route', 3],
    ["failed to resolve source metadata for registry.example.com:5000/team/node:22: not found", 3],
    ['failed to do request: Head "https://registry-1.docker.io/v2/library/other/manifests/latest"', null],
    ["something else", null],
  ];
  for (const [message, line] of messages)
    it(`of "${message}" is ${line}`, () => expect(lineOfMessage(dockerfile, message)?.line ?? null).to.equal(line));

  it("is found for short names of a hub's images", () => {
    const short = "FROM node\nFROM acme/shop:2 AS x\n";
    const hub = "failed to resolve source metadata for docker.io/";
    expect(lineOfMessage(short, `${hub}library/node:latest: not found`)?.line).to.equal(1);
    expect(lineOfMessage(short, `${hub}acme/shop:2: pull access denied`)).to.deep.include({
      line: 2,
      text: "FROM acme/shop:2 AS x",
    });
  });

  it("is found in a file of a thousand stages without delay", () => {
    const long = Array.from({ length: 2_000 }, (_none, index) => `FROM a AS s${index}\nRUN <<E${index} \\\n`).join("");
    const startedMs = performance.now();
    lineOfStep(long, "[s999 1/1] RUN x");
    expect(performance.now() - startedMs).to.be.lessThan(1_000);
  });
});
