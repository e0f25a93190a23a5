// What core/ports/builder.ts promises of Builder: the steps as they are told, and what is known of one that fails.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { EngineFailure } from "../../ci-server/core/engine-failure.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { type Asked, builderContract } from "../helpers/builder-bench.ts";
import { fails } from "../helpers/failure.ts";
import { proxyEngine } from "../helpers/lab-proxies.ts";

builderContract("Builder and its steps", (bench) => {
  async function fail(asked?: Asked): Promise<{ code: string; message: string; failure: EngineFailure }> {
    const error: unknown = await bench.build(asked).catch((thrown) => thrown);
    if (!(error instanceof AppError)) throw new Error(`it did not fail as it should: ${String(error)}`);
    const failure = error.details.failure as EngineFailure; // what the port promises
    return { code: error.code, message: error.message, failure };
  }

  it("tells each step with its digest and its times, and the second time that it was cached", async () => {
    await bench.putDockerfile(`RUN echo ${Math.random()}`);
    await bench.build();
    const first = [...bench.steps.values()].find(({ name }) => name.includes("RUN echo"));
    expect(first).to.include({ cached: false, error: null });
    expect(first?.name).to.match(/^\[3\/3\] RUN echo 0/);
    expect(first?.digest).to.match(/^sha256:[0-9a-f]{64}$/);
    const [startedMs, completedMs] = [first?.startedAt.getTime() ?? 0, first?.completedAt?.getTime() ?? 0];
    expect(completedMs).to.be.within(startedMs, Date.now() + 1);
    expect(startedMs).to.be.greaterThan(Date.now() - 60_000);
    bench.steps.clear();
    await bench.build();
    const second = [...bench.steps.values()].find(({ name }) => name.includes("RUN echo"));
    expect(second).to.include({ cached: true, number: first?.number });
  });

  it("T22: runs every step again where the recipe wants no cache", async () => {
    await bench.putDockerfile(`RUN echo ${Math.random()}`);
    await bench.build();
    await bench.build({ noCache: true });
    const runs = [...bench.steps.values()].filter(({ name }) => name.includes("RUN"));
    expect(runs.map(({ cached }) => cached)).to.deep.equal([false, false]);
  });

  it("tells each line with its step and its stream, also one that has no end", async () => {
    await bench.putDockerfile(`RUN echo ${Math.random()} && echo oops >&2 && printf 'continue? '`);
    await bench.build();
    const step = [...bench.steps.values()].find(({ name }) => name.includes("oops"))?.number ?? 0;
    const lines = bench.written.filter((line) => line.step === step);
    expect(lines[0]).to.deep.equal({ text: `#${step} ${bench.steps.get(step)?.name}`, step });
    expect(lines).to.deep.include({ text: `#${step} oops`, step, stream: "stderr" });
    expect(lines).to.deep.include({ text: `#${step} continue? `, step, stream: "stdout" });
    expect(lines.at(-1)?.text).to.match(/^#\d+ DONE \d+\.\ds$/);
    expect(lines.at(-1)).not.to.have.property("stream");
  });

  it("T25: tells no more than 32 KiB of a line that never ends", async () => {
    await bench.putDockerfile(`RUN head -c 300000 /dev/zero | tr '\\0' y # ${Math.random()}`);
    await bench.build();
    const flood = bench.written.filter(({ text }) => text.includes("yyyy"));
    expect(flood.map(({ text }) => text.replace(/^#\d+ /, "").length)).to.deep.equal([32 * 1024]);
  });

  it("tells of a failing step its name, its exit code and its line", async () => {
    await bench.putDockerfile("FROM scratch AS test", "COPY --from=0 / /", "ARG A", "RUN true && \\", "  exit 42");
    const { code, message, failure } = await fail({ target: "test" });
    expect({ code, message }).to.deep.equal({ code: "build_failed", message: failure.errorText });
    const name = "[test 2/2] RUN true &&   exit 42";
    const number = [...bench.steps.values()].find((step) => step.name === name)?.number;
    expect(message).to.match(/exit code: 42$/);
    expect(failure).to.deep.include({ kind: "step", stage: "test", hint: null });
    expect(failure.step).to.deep.equal({ name, number, dockerfileLine: 7, exitCode: 42 });
    expect(bench.steps.get(number ?? 0)?.error).to.equal(message);
  });

  it("tells of several that ran at once the one that failed", async () => {
    await bench.putDockerfile(
      ...["FROM scratch AS slow", "COPY --from=0 / /", `RUN sleep 20 # ${Math.random()}`],
      ...["FROM scratch AS bad", "COPY --from=0 / /", `RUN sleep 1 && exit 9 # ${Math.random()}`],
      ...["FROM scratch", "COPY --from=slow / /", "COPY --from=bad / /"],
    );
    const { failure } = await fail();
    expect(failure.step).to.include({ exitCode: 9, dockerfileLine: 9 });
  });

  it("tells what the context lacks, and how it may have come to that", async () => {
    await bench.putDockerfile("COPY nothing /there");
    const { message, failure } = await fail();
    expect(message).to.match(/^"\/nothing"(?: not found)?: not found$/);
    expect(failure).to.include({ kind: "context" });
    expect(failure.step).to.include({ dockerfileLine: 4 });
    // What to do is found by the words.
    expect(failure.hint).to.equal(null);
  });

  it("tells the line of a Dockerfile that cannot be read", async () => {
    await bench.put({ Dockerfile: "FROM scratch\nCOPPY a b\n" });
    const { message, failure } = await fail();
    expect(message).to.match(/^dockerfile parse error (?:on )?line 2: unknown instruction: COPPY/);
    expect(failure).to.include({ kind: "dockerfile" });
    expect(failure.step).to.deep.equal({ number: null, name: "COPPY a b", dockerfileLine: 2, exitCode: null });
  });

  it("tells that there is no such target", async () => {
    await bench.putDockerfile();
    const { message, failure } = await fail({ target: "nowhere" });
    expect(message).to.match(/^target stage "?nowhere"? could not be found$/);
    expect(failure).to.include({ kind: "dockerfile", stage: "nowhere" });
  });

  it("takes an engine's refusal for the user's, and its trouble for ours", async () => {
    const folder = await mkdtemp(join(tmpdir(), "proxy-"));
    const answer = { status: 0, body: Buffer.from(JSON.stringify({ message: "so it is" })) };
    const { proxy, env } = await proxyEngine(bench.lab, folder, ({ path }) =>
      path.includes("/build?") ? answer : null,
    );
    try {
      await bench.putDockerfile();
      const builder = bench.create({ engineHost: env.MERGEDOCK_ENGINE_HOST ?? "", credentials: new Map() });
      answer.status = 400;
      await fails(builder.build(bench.request()), "build_failed", "so it is");
      answer.status = 500;
      await fails(builder.build(bench.request()), "unavailable", "is in trouble: so it is");
    } finally {
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });
});
