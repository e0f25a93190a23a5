// Failures that explain themselves: what failed, in which step and line, with which code, after which words, and what to do next.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Failure } from "../../ci-server/core/build.ts";
import type { Files } from "../../lab/sample-commit.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { useLab } from "../helpers/lab.ts";
import { proxyRegistry } from "../helpers/lab-proxies.ts";
import { type FinishedBuild, Tester, type TesterOptions } from "../helpers/tester.ts";

const base = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
`;

/** Another step each time, so that it does not come from the cache of an earlier run. */
const fresh = () => `ENV RUN_OF=${randomUUID()}\n`;

interface Expected extends Partial<Omit<Failure, "step" | "hint" | "message">> {
  readonly result: string;
  readonly message?: string;
  readonly hint: string;
  readonly step: Partial<Failure["step"]>;
}

describe("a build that fails", function () {
  this.timeout(120_000);
  let ci: Tester;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "failures-"));
    ci = await Tester.start({
      limits: { build_seconds_max: 8, trouble_seconds_max: 0, attempts_max: 1, secret_bytes_max: 100 },
    });
  });
  afterEach(() => removeImages(ci.lab));
  after(async () => {
    await ci?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function merged(files: Files): Promise<FinishedBuild> {
    return ci.finished((await ci.merge({ files })).verdict.build);
  }

  /** The build's result and failure, and the end of its log that says the same to people. */
  function expectFailure(build: FinishedBuild, { result, hint, message, step, ...expected }: Expected): void {
    const { failure, log } = build;
    expect(build, log).to.include({ result });
    expect(failure).to.deep.include(expected);
    if (message !== undefined) expect(failure?.message).to.contain(message);
    if (step === null) expect(failure?.step).to.equal(null);
    else expect(failure?.step).to.deep.include(step);
    expect(failure?.hint).to.contain(hint);
    const end = log.slice(log.search(new RegExp(`^\\w+ +${result}: `, "m")));
    expect(end).to.contain(`kind       ${failure?.kind}\n`).and.to.contain(`next       ${failure?.hint}\n`);
    if (step?.dockerfileLine) expect(end).to.contain(`where      Dockerfile:${step.dockerfileLine}\n`);
    if (step?.exitCode) expect(end).to.contain(`exit code  ${step.exitCode}\n`);
    for (const line of failure?.lastLines ?? []) expect(end).to.contain(`    | ${line}\n`);
  }

  it("dockerfile: has the line that cannot be read", async () => {
    expectFailure(await merged({ Dockerfile: "FROM scratch\n\nCOPPY a b\n" }), {
      ...{ result: "failure", kind: "dockerfile", code: "build_failed", service: "shop", lastLines: [] },
      step: { number: null, name: "COPPY a b", dockerfileLine: 3, exitCode: null },
      hint: 'correct "COPPY"',
    });
  });

  it("dockerfile: is asked for where there is none", async () => {
    const other = await Tester.start({ rules: { services: [{ name: "shop", dockerfile: "Other" }] } });
    try {
      const build = await other.finished((await other.merge()).verdict.build);
      expectFailure(build, {
        ...{ result: "failure", kind: "dockerfile", code: "invalid", service: "shop", lastLines: [], step: null },
        hint: "commit Other in .",
      });
    } finally {
      await other.stop();
    }
  });

  it("step: has its line, its exit code and what it printed last", async () => {
    const script = "for i in $(seq 1 30); do echo line $i; done; \\\n    sleep 0.3; echo bad news >&2; \\\n    exit 3";
    const build = await merged({ Dockerfile: `${base}${fresh()}RUN ${script}\nRUN echo never\n` });
    expectFailure(build, {
      ...{ result: "failure", kind: "step", code: "build_failed", service: "shop", message: "exit code: 3" },
      step: { number: 3, dockerfileLine: 5, exitCode: 3 },
      hint: "docker build runs the same step",
    });
    expect(build.failure?.step?.name).to.match(/^\[3\/4\] RUN for i in/);
    const expected = Array.from({ length: 19 }, (_none, index) => `line ${index + 12}`);
    expect(build.failure?.lastLines).to.deep.equal([...expected, "bad news"]);
  });

  it("step: says which command the image does not have", async () => {
    expectFailure(await merged({ Dockerfile: `${base}${fresh()}RUN nosuchcmd --x\n` }), {
      ...{ result: "failure", kind: "step", lastLines: ["/bin/sh: nosuchcmd: not found"] },
      step: { dockerfileLine: 5, exitCode: 127 },
      hint: "install nosuchcmd in an earlier step",
    });
  });

  it("step: has the line of the one that failed, where others run beside it", async () => {
    const dockerfile = `${base}${fresh()}FROM scratch AS a
COPY --from=0 /bin /bin
RUN echo in a && sleep 1 && exit 4
FROM scratch AS b
COPY --from=0 /bin /bin
RUN echo in b && sleep 5
FROM scratch
COPY --from=a /bin /a
COPY --from=b /bin /b
`;
    expectFailure(await merged({ Dockerfile: dockerfile }), {
      ...{ result: "failure", kind: "step", lastLines: ["in a"] },
      step: { dockerfileLine: 7, exitCode: 4 },
      hint: "last lines",
    });
  });

  it("limit: says that a step was killed", async () => {
    expectFailure(await merged({ Dockerfile: `${base}${fresh()}RUN echo much && sh -c 'kill -9 $$'; exit $?\n` }), {
      ...{ result: "failure", kind: "limit" },
      step: { dockerfileLine: 5, exitCode: 137 },
      hint: "memory",
    });
  });

  it("disk: is ours, whoever has found it full", async () => {
    const step = "RUN echo 'cp: write error: No space left on device' && exit 1\n";
    expectFailure(await merged({ Dockerfile: base + fresh() + step }), {
      ...{ result: "error", kind: "disk", lastLines: ["cp: write error: No space left on device"] },
      step: { dockerfileLine: 5, exitCode: 1 },
      hint: "make room on the engine's disk",
    });
  });

  it("context: says which file is missing, or left out by .dockerignore", async () => {
    const files = {
      Dockerfile: `${base}COPY left-out.txt /x\n`,
      "left-out.txt": "x",
      ".dockerignore": "left-out.txt\n",
    };
    expectFailure(await merged(files), {
      ...{ result: "failure", kind: "context", lastLines: [] },
      step: { number: 3, name: "[3/3] COPY left-out.txt /x", dockerfileLine: 4, exitCode: null },
      hint: 'commit "left-out.txt", or let .dockerignore not leave it out',
    });
  });

  it("base_image: has the line of an image that cannot be had", async () => {
    const image = `${ci.lab.registry.host}/base/none:1`;
    expectFailure(await merged({ Dockerfile: `# none\nFROM ${image}\n` }), {
      ...{ result: "failure", kind: "base_image", lastLines: [], message: "not found" },
      step: { number: null, name: `FROM ${image}`, dockerfileLine: 2, exitCode: null },
      hint: "check its name and its tag",
    });
    const private_ = "registry.internal/base/none:1";
    expectFailure(await merged({ Dockerfile: `# none\nFROM ${private_}\n` }), {
      ...{ result: "failure", kind: "base_image", lastLines: [], message: "is refused" },
      step: { name: `FROM ${private_}`, dockerfileLine: 2, exitCode: null },
      hint: "base_registries",
    });
  });

  it("base_image: has the line of an image that only the engine has asked for", async () => {
    await withTester({ file: { engine: { base_registries: ["*"] } } }, async (other) => {
      const image = "localhost:5999/base/none:1";
      const files = { Dockerfile: `# none\nARG HOST=localhost:5999\n\nFROM $HOST/base/none:1\n` };
      expectFailure(await other.finished((await other.merge({ files })).verdict.build), {
        ...{ result: "error", kind: "base_image", code: "unavailable", lastLines: [], message: image },
        step: { name: `FROM ${image}`, dockerfileLine: 4, exitCode: null },
        hint: "is localhost:5999 running",
      });
    });
  });

  it("timeout: says which step was running", async () => {
    expectFailure(await merged({ Dockerfile: `${base}${fresh()}RUN printf 'still\\nworking'; exec sleep 3602\n` }), {
      ...{ result: "timeout", kind: "timeout", code: "timeout" },
      message: "limits.build_seconds_max",
      step: { number: 3, dockerfileLine: 5, exitCode: null },
      hint: "raise limits.build_seconds_max",
      lastLines: ["still", "working"],
    });
  });

  it("cancelled: says which step was running", async () => {
    const { verdict } = await ci.merge({ files: { Dockerfile: `${base}${fresh()}RUN echo begun; exec sleep 3603\n` } });
    await ci.logged(verdict.build, "begun\n");
    await ci.api(`/builds/${verdict.build}/cancel`, { method: "POST" });
    expectFailure(await ci.finished(verdict.build), {
      ...{ result: "cancellation", kind: "cancelled", code: "cancelled", message: "cancelled by hand" },
      ...{ lastLines: ["begun"], step: { dockerfileLine: 5, exitCode: null } },
      hint: "ask for the build again",
    });
  });

  it("git: says that the remote has gone", async () => {
    await withTester({}, async (other) => {
      await other.git.stop();
      const asked = await other.post("/images", { service: "shop", version: "1", type: "docker" });
      const build = await other.finished(((await asked.json()) as { build: number }).build);
      expectFailure(build, {
        ...{ result: "error", kind: "git", code: "unavailable", service: null, lastLines: [], step: null },
        hint: "see whether the forge answers",
      });
    });
  });

  it("registry: says that it is down", async () => {
    const lab = await useLab();
    const down = { status: 503, body: Buffer.from("down") };
    const { proxy, env } = await proxyRegistry(lab, join(folder, "down"), () => down);
    try {
      await withTester({ env }, async (other) => {
        const build = await other.finished((await other.merge()).verdict.build);
        expectFailure(build, {
          ...{ result: "error", kind: "registry", code: "unavailable", service: "shop", lastLines: [], step: null },
          message: "503",
          hint: "/readyz",
        });
        expect(build.stages.at(-1)).to.include({ name: "push", result: "error" });
      });
    } finally {
      await proxy.stop();
    }
  });

  it("engine: says that it cannot be reached", async () => {
    await withTester({ env: { MERGEDOCK_ENGINE_HOST: "unix:///nowhere.sock" } }, async (other) => {
      expectFailure(await other.finished((await other.merge()).verdict.build), {
        ...{ result: "error", kind: "engine", code: "unavailable", service: "shop", lastLines: [], step: null },
        hint: "/readyz",
      });
    });
  });

  it("secret: says which file the server lacks, by its name alone", async () => {
    const big = join(folder, "big");
    await writeFile(big, "x".repeat(101));
    const missing = join(folder, "missing");
    const cases: [secrets: Record<string, string>, result: string, words: string][] = [
      [{ tok: missing }, "error", 'the file of the secret "tok" of acme/shop cannot be read (ENOENT)'],
      [{ tok: big }, "error", "at most 100 bytes"],
    ];
    for (const [secrets, result, message] of cases) {
      const rules = { secrets, services: [{ name: "shop", secrets: ["tok"] }] };
      await withTester({ rules, limits: { secret_bytes_max: 100 } }, async (other) => {
        const build = await other.finished((await other.merge()).verdict.build);
        expectFailure(build, {
          ...{ result, kind: "secret", service: "shop", lastLines: [], step: null, message },
          hint: '"secrets" of acme/shop in mergedock.yml',
        });
        expect(JSON.stringify(build)).not.to.contain(folder);
      });
    }
  });

  async function withTester(options: TesterOptions, work: (other: Tester) => Promise<void>): Promise<void> {
    const limits = { trouble_seconds_max: 0, attempts_max: 1, ...options.limits };
    const other = await Tester.start({ ...options, limits });
    try {
      await work(other);
    } finally {
      await other.stop();
    }
  }
});
