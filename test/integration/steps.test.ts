// The steps of a build's images, and the secrets that they may read, through the whole of a server.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { type FinishedBuild, Tester } from "../helpers/tester.ts";

const value = "a secret of the server, 0815";

describe("the steps of a build", function () {
  this.timeout(60_000);
  let folder: string;
  let ci: Tester;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "secrets-"));
    await writeFile(join(folder, "npm-token"), value);
    const secrets = { npm_token: join(folder, "npm-token"), gone: join(folder, "gone") };
    ci = await Tester.start({ rules: { secrets, services: [{ name: "shop", secrets: ["npm_token"] }] } });
  });
  afterEach(() => removeImages(ci.lab));
  after(async () => {
    await ci?.stop();
    await rm(folder, { recursive: true });
  });

  async function build(...lines: string[]): Promise<FinishedBuild> {
    const steps = ["FROM scratch", "COPY busybox /bin/busybox", 'SHELL ["/bin/busybox", "sh", "-c"]', ...lines];
    const { verdict } = await ci.merge({ files: { Dockerfile: `${steps.join("\n")}\nCMD ["/bin/busybox"]\n` } });
    return ci.finished(verdict.build);
  }

  it("are shown by service, with their times and whether they came from the cache", async () => {
    const line = `RUN echo ${randomUUID()}`;
    const first = await build(line);
    expect(first.result, first.log).to.equal("success");
    expect(Object.keys(first.steps)).to.deep.equal(["shop"]);
    const [step] = first.steps.shop?.filter(({ name }) => name.endsWith(line)) ?? [];
    expect(step).to.include({ cached: false, error: null });
    expect(Date.parse(step?.completedAt ?? "")).to.be.at.least(Date.parse(step?.startedAt ?? "none"));
    const second = await build(line, "LABEL another=image");
    expect(second.steps.shop?.find(({ name }) => name.endsWith(line))).to.include({ cached: true });
  });

  it("are shown of a build that failed, with the step's own error", async () => {
    const failed = await build(`RUN echo ${randomUUID()} && exit 3`);
    expect(failed.result).to.equal("failure");
    expect(failed.steps.shop?.at(-1)?.error).to.match(/exit code: 3$/);
  });

  it("T23: hide a secret in their names, also where its name is cut off in the middle of it", async () => {
    const begun = `[2/2] RUN exit 3; : ${randomUUID()} `;
    const pad = "x".repeat(1_000 - 10 - begun.length);
    const words = `${begun.slice("[2/2] ".length)}${pad}${value} and more`;
    const use = "RUN --mount=type=secret,id=npm_token";
    const failed = await build(words.replace("RUN", use).replace("x".repeat(use.length - 3), ""));
    const name = failed.steps.shop?.at(-1)?.name ?? "";
    expect(name).to.have.length.within(980, 1_000);
    expect([name, failed.failure?.step?.name].join()).to.contain("xxx").and.not.contain(value.slice(0, 4));
  });

  it("T23: read the secrets that the server's configuration has for them", async () => {
    const cat = "/bin/busybox cat /run/secrets/npm_token | /bin/busybox md5sum";
    const built = await build(`RUN --mount=type=secret,id=npm_token,required=true ${cat} # ${randomUUID()}`);
    expect(built.result, built.log).to.equal("success");
    expect(built.log)
      .to.match(/#\d+ [0-9a-f]{32} {2}-/)
      .and.not.to.contain(value);
  });
});
