// What is heard of a server at work: its log with the ids of requests and builds, /metrics, and one trace from delivery to image.

import { EventEmitter, once } from "node:events";
import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { type CollectedSpan, type FakeCollector, startFakeCollector } from "../fakes/collector.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { adminToken, type FinishedBuild, Tester } from "../helpers/tester.ts";

/** A step that is never found in the cache, and nothing else. */
const uniqueApp = () => ({
  Dockerfile: `FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "echo ${Math.random()}"]\n`,
});

const ping = { zen: "Keep it simple.", hook_id: 1, hook: { events: ["pull_request"] } };

type Line = Readonly<Record<string, unknown>> & { readonly msg: string };

const stageNames = ["fetch", "plan", "build", "push", "prove", "attest"];

describe("a server at work", function () {
  this.timeout(60_000);
  const lines: Line[] = [];
  const news = new EventEmitter();
  let ci: Tester;
  let collector: FakeCollector;
  before(async () => {
    collector = await startFakeCollector();
    ci = await Tester.start({
      onLog(line) {
        lines.push(JSON.parse(line));
        news.emit("line");
      },
      limits: { log_lines_max: 400 },
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      file: { public_url: "https://ci.example.com" },
    });
  });
  afterEach(() => removeImages(ci.lab));
  after(async () => {
    await ci?.stop();
    await collector?.stop();
  });

  const origin = () => new URL(ci.app.apiUrl).origin;

  async function metrics(): Promise<string> {
    const answer = await fetch(`${origin()}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } });
    expect(answer.status).to.equal(200);
    expect(answer.headers.get("content-type")).to.match(/^text\/plain; version=0\.0\.4/);
    return answer.text();
  }

  /** The number at the series; undefined where there is none. */
  function numberOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const line = text.split("\n").find((one) => {
      const [, found, inside = ""] = /^(\w+)(?:\{(.*)\})? /.exec(one) ?? [];
      return found === name && Object.entries(labels).every(([key, value]) => inside.includes(`${key}="${value}"`));
    });
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  }

  async function merged(options: Parameters<Tester["merge"]>[0]): Promise<FinishedBuild> {
    return ci.finished((await ci.merge(options)).verdict.build);
  }

  it("gives every request an id: a sane one of its own, or a new one; in the answer and in each line of its log", async () => {
    const ask = async (id?: string) => {
      const answer = await ci.api("/builds/777777", { ...(id && { headers: { "x-request-id": id } }) });
      return answer.headers.get("x-request-id") ?? "";
    };
    expect(await ask("from-the-proxy_1.2")).to.equal("from-the-proxy_1.2");
    const own = await Promise.all([ask(), ask("has a blank"), ask("x".repeat(129)), ask('"}{"level":60')]);
    expect(own.every((id) => /^[0-9a-f-]{36}$/.test(id))).to.equal(true);
    expect(new Set(own).size).to.equal(4);
    const about = (id: string) => lines.filter(({ requestId }) => requestId === id).map(({ msg }) => msg);
    expect(about("from-the-proxy_1.2")).to.include("request refused");
    for (const id of own) expect(about(id)).to.include("request refused");

    const answer = await ci.deliver({ event: "ping", payload: ping });
    expect(answer.status).to.equal(200);
    const stored = lines.find(({ msg }) => msg === "delivery stored");
    expect(stored?.requestId).to.match(/^[0-9a-f-]{36}$/);
  });

  it("names build, repository and attempt in each line about a build", async () => {
    const { id } = await merged({ files: uniqueApp() });
    const about = lines.filter(({ buildId }) => buildId === id).filter(({ msg }) => msg !== "delivery stored");
    expect(about.map(({ msg }) => msg)).to.include.members([
      "build begun",
      "stage begun",
      "stage ended",
      "build ended",
    ]);
    for (const line of about) expect(line).to.include({ buildId: id, repository: "acme/shop", attempt: 1 });
  });

  it("shows its metrics to who bears a token and to nobody else, with every name that the dashboard asks for", async () => {
    expect((await fetch(`${origin()}/metrics`)).status).to.equal(401);
    const webhooks = new URL(ci.app.webhookUrl).origin;
    expect(
      (await fetch(`${webhooks}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } })).status,
    ).to.equal(404);
    const loud = `FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "echo ${Math.random()}; /bin/busybox seq 1000"]\n`;
    const { id } = await merged({ files: { Dockerfile: loud } });
    const again = await ci.post(`/builds/${id}/rebuild`, {});
    await ci.finished(((await again.json()) as { build: number }).build);
    await ci.deliver({ payload: {}, secret: "not the secret of the hook" });
    const text = await metrics();
    const run = {
      cicd_pipeline_name: "acme/shop",
      cicd_pipeline_result: "success",
      cicd_pipeline_run_state: "executing",
    };
    expect(numberOf(text, "cicd_pipeline_run_duration_seconds_count", run)).to.be.greaterThan(0);
    expect(numberOf(text, "mergedock_deliveries_total", { forge: "github", verdict: "build" })).to.be.greaterThan(0);
    expect(numberOf(text, "mergedock_deliveries_total", { forge: "github", verdict: "refused" })).to.equal(1);
    expect(numberOf(text, "mergedock_images_total", { outcome: "built" })).to.be.greaterThan(0);
    expect(numberOf(text, "mergedock_images_total", { outcome: "reused" })).to.equal(1);
    expect(numberOf(text, "mergedock_log_lines_dropped_total")).to.be.within(500, 1_000);
    expect(numberOf(text, "mergedock_image_pushed_bytes_total")).to.be.greaterThan(1_000);
    for (const stage of stageNames)
      expect(
        numberOf(text, "mergedock_stage_duration_seconds_count", { stage, result: "success" }),
        stage,
      ).to.be.greaterThan(0);
    expect(numberOf(text, "mergedock_build_steps_total", { cached: "false" })).to.be.greaterThan(0);
    expect(numberOf(text, "cicd_worker_count", { cicd_worker_state: "available" })).to.equal(2);
    expect(numberOf(text, "mergedock_queue_depth")).to.equal(0);
    expect(numberOf(text, "mergedock_disk_free_bytes", { place: "state" })).to.be.greaterThan(0);
    expect(numberOf(text, "db_client_connection_max")).to.equal(9);
    expect(numberOf(text, "process_resident_memory_bytes")).to.be.greaterThan(10_000_000);
    const dashboard = await readFile("docs/grafana-dashboard.json", "utf8");
    const asked = new Set(
      dashboard.match(/\b(?:mergedock|cicd|http_server|db_client|nodejs|process)_\w+?(?=[{[)\s\\"])/g),
    );
    const shown = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
    const unknown = [...asked].filter(
      (name) => !shown.has(name) && !shown.has(name.replace(/_(?:bucket|sum|count)$/, "")),
    );
    // Labels look like names: they stand in the text of the metrics as well.
    expect(unknown.filter((name) => !text.includes(`${name}="`))).to.deep.equal([]);
  });

  it("has no more series whatever repositories, paths, methods and events somebody sends", async () => {
    await metrics();
    // Node's own kinds of garbage collection, and how many builds wait, come as they come.
    const isOurs = (line: string) => !/^(?:#|$|nodejs_|process_|cicd_pipeline_run_active)/.test(line);
    const count = async () => (await metrics()).split("\n").filter(isOurs).length;
    const strange = async (round: number) => {
      // Not by ci.api, which would complain that openapi.json has none of it.
      const headers = { authorization: `Bearer ${adminToken}` };
      await fetch(`${ci.app.apiUrl}/builds/${round}/${"x".repeat(round)}`, { headers });
      await fetch(`${ci.app.apiUrl}/nothing/${round}`, { method: "PROPFIND", headers });
      await ci.api(`/builds/99999${round}`);
      const repository = { id: round, full_name: `stranger-${round}/shop`, name: "shop", owner: { login: "x" } };
      await ci.deliver({ event: `event_${round}`, payload: { repository, action: `action-${round}` } });
      await ci.query(
        `insert into build (id, repository, trigger, result) overriding system value values (${-round}, 'stranger-${round}/x', 'manual', null)`,
      );
    };
    await strange(1);
    const before = await count();
    for (let round = 2; round < 12; round += 1) await strange(round);
    expect(await count()).to.equal(before);
    const text = await metrics();
    expect(text).not.to.match(/stranger|event_|PROPFIND|nothing/);
    await ci.query("delete from build where id < 0");
  });

  function treeOf(spans: readonly CollectedSpan[]): (name: string) => readonly string[] {
    return (name) => {
      const parents = spans.filter((span) => span.name === name).map(({ spanId }) => spanId);
      return spans.filter(({ parentSpanId }) => parents.includes(parentSpanId)).map((span) => span.name);
    };
  }

  it("sends one trace from the delivery to the image, and takes no trace of whoever delivers", async () => {
    const { pullRequest, merge } = await ci.mergeQuietly({ files: uniqueApp(), title: "Fix the cart" });
    const foreign = "0af7651916cd43dd8448eb211c80319c";
    const announced = await ci.announce({ pullRequest, merge });
    await ci.deliver({ event: "ping", payload: ping, headers: { traceparent: `00-${foreign}-b7ad6b7169203331-01` } });
    const build = await ci.finished(announced.verdict.build);
    const runOf = (spans: readonly CollectedSpan[]) =>
      spans.find(
        ({ attributes }) =>
          attributes["cicd.pipeline.run.id"] === String(build.id) && "cicd.pipeline.result" in attributes,
      );
    await collector.until((spans) => runOf(spans) !== undefined);
    const run = runOf(collector.spans);
    const trace = collector.spans.filter(({ traceId }) => traceId === run?.traceId);
    const below = treeOf(trace);
    const roots = trace.filter(({ parentSpanId }) => parentSpanId === "");
    expect(roots.map(({ name }) => name)).to.deep.equal(["POST /webhooks/github"]);
    expect(below("POST /webhooks/github")).to.have.members(["receive", "verify", "store", "BUILD acme/shop"]);
    expect(below("BUILD acme/shop")).to.have.members(["queued", "attempt 1"]);
    expect(below("attempt 1")).to.have.members(stageNames);
    expect(below("build").some((name) => name.includes("RUN "))).to.equal(true);
    expect(run?.attributes).to.include({
      "cicd.pipeline.name": "acme/shop",
      "cicd.pipeline.result": "success",
      "cicd.pipeline.run.url.full": `https://ci.example.com/builds/${build.id}`,
      "vcs.repository.url.full": ci.cloneUrl,
      "vcs.ref.head.revision": build.sha,
      "vcs.change.id": String(announced.number),
      "vcs.change.title": "Fix the cart",
    });
    expect(trace.every(({ startMs, endMs }) => startMs <= endMs)).to.equal(true);
    expect(collector.spans.map(({ traceId }) => traceId)).not.to.include(foreign);
  });

  it("builds as ever while the collector is silent or refuses", async () => {
    for (const mood of ["silent", "refusing"] as const) {
      collector.mood = mood;
      const asked = collector.next();
      expect((await merged({ files: uniqueApp() })).result).to.equal("success");
      await asked;
      // While it still waits for an answer.
      if (mood === "silent") expect((await merged({ files: uniqueApp() })).result).to.equal("success");
    }
    const said = () => lines.map(({ msg }) => msg).filter((msg) => msg.startsWith("traces "));
    while (said().length === 0) await once(news, "line");
    collector.mood = "well";
    await merged({ files: uniqueApp() });
    while (said().length === 1) await once(news, "line");
    expect(said()).to.deep.equal(["traces cannot be sent: those of this time are lost", "traces are sent again"]);
  });
});
