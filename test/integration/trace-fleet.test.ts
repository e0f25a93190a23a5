// One trace over several processes, one of which dies; and what each of them shows of itself.

import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { type CollectedSpan, type FakeCollector, startFakeCollector } from "../fakes/collector.ts";
import { Fleet, type Machine } from "../helpers/fleet.ts";
import { useLab } from "../helpers/lab.ts";
import { adminToken } from "../helpers/tester.ts";

describe("a trace over the death of a worker", function () {
  this.timeout(120_000);
  let fleet: Fleet;
  let collector: FakeCollector;
  before(async () => {
    await useLab();
    collector = await startFakeCollector();
  });
  afterEach(() => fleet?.stop());
  after(() => collector?.stop());

  it("is one, of the receiver and of both attempts, with the one that nobody ended", async () => {
    fleet = await Fleet.create({ machines: { receiver: 1, worker: 1 }, files: { ...(await sample()) } });
    const [receiver, worker] = fleet.machines as [Machine, Machine]; // one of each was asked for
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` };
    await Promise.all([receiver.start(env), worker.start(env)]);
    const [repository] = fleet.repositories;
    if (repository === undefined) throw new Error("no repository");
    const slow = `FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "echo ${Math.random()}; exec /bin/busybox sleep 4"]\n`;
    const { payload } = await fleet.merge(repository, { Dockerfile: slow });
    await fleet.deliver(receiver, payload);
    const authorization = `Bearer ${adminToken}`;
    const shownBy = async (url: string, headers = {}) => (await fetch(new URL("/metrics", url), { headers })).text();
    expect(await shownBy(worker.healthUrl, { authorization })).to.match(
      /^cicd_worker_count\{cicd_worker_state="busy"\} [01]$/m,
    );
    expect(await shownBy(receiver.apiUrl, { authorization })).not.to.match(/^cicd_worker_count\{/m);
    expect(await shownBy(worker.healthUrl)).to.include("/problems/unauthorized");
    // What was sent before the worker dies has a parent that it can never send.
    await collector.until((spans) => spans.some(({ name }) => name === "plan"));
    await worker.kill();
    await worker.start(env);
    await collector.until((spans) => spans.some(({ name }) => name === "BUILD acme/shop"));
    const { spans } = collector;
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const parentOf = (span: CollectedSpan | undefined) => byId.get(span?.parentSpanId ?? "")?.name;
    const find = (name: string) => spans.find((span) => span.name === name);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).to.equal(1);
    expect(new Set(spans.map(({ instance }) => instance)).size).to.equal(2);
    expect(parentOf(find("BUILD acme/shop"))).to.equal("POST /webhooks/github");
    expect(parentOf(find("attempt 1"))).to.equal("BUILD acme/shop");
    expect(parentOf(find("attempt 2"))).to.equal("BUILD acme/shop");
    expect(find("attempt 1")?.isError).to.equal(true);
    expect(find("attempt 2")?.isError).to.equal(false);
    const plans = spans.filter(({ name }) => name === "plan").map(parentOf);
    expect(plans).to.deep.equal(["attempt 1", "attempt 2"]);
    // Nothing hangs in the air.
    expect(spans.filter((span) => span.parentSpanId !== "" && !byId.has(span.parentSpanId))).to.deep.equal([]);
  });
});

async function sample(): Promise<Record<string, { content: Buffer; executable: true } | string>> {
  return { Dockerfile: "FROM scratch\n", busybox: { content: await readFile("/bin/busybox"), executable: true } };
}
