// Those who hear of what the program does: what they count, and that they can neither disturb it nor be flooded.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { countBuilds, countDeliveries, countRequests } from "../../ci-server/adapters/metrics/observers.ts";
import { type Backlog, createMetricsPage } from "../../ci-server/adapters/metrics/page.ts";
import { createMetrics } from "../../ci-server/adapters/metrics/registry.ts";
import { repositoryLabel } from "../../ci-server/adapters/metrics/repository-label.ts";
import { allBuildObservers, unwatched } from "../../ci-server/core/observers.ts";
import { exampleBuild } from "../helpers/example-build.ts";

const root = join(import.meta.dirname, "../..");

describe("the metrics", () => {
  const clock = { monotonicMs: () => 0 };
  const labelOf = repositoryLabel(["Acme/Shop"]);

  function page(metrics: ReturnType<typeof createMetrics>, backlog: () => Promise<Backlog>) {
    const pool = () => ({ total: 3, idle: 2, waiting: 0, max: 9 });
    return createMetricsPage({ metrics, labelOf, clock, backlog, pool, disk: null, stateFolder: "" });
  }

  it("are what docs/grafana-dashboard.json asks for", async () => {
    const text = await page(createMetrics(), async () => ({
      builds: [],
      oldestSeconds: 0,
      notifications: { pending: 0, failed: 0 },
    })).text();
    const shown = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
    const { panels } = JSON.parse(readFileSync(join(root, "docs/grafana-dashboard.json"), "utf8")) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    const asked = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr)));
    expect(asked.length).to.be.greaterThan(20);
    const unknown = asked.filter((name) => !shown.has(name) && !shown.has(name.replace(/_(?:bucket|sum|count)$/, "")));
    expect(unknown).to.deep.equal([]);
  });

  it("know the repositories of the configuration, and call all others other", () => {
    expect(["acme/SHOP", "Acme/Shop", "stranger/x", "", "__proto__"].map(labelOf)).to.deep.equal([
      "Acme/Shop",
      "Acme/Shop",
      "other",
      "other",
      "other",
    ]);
  });

  it("have a bounded number of series, whoever sends what", async () => {
    const metrics = createMetrics();
    const [requests, deliveries, builds] = [
      countRequests(metrics),
      countDeliveries(metrics),
      countBuilds({ metrics, labelOf, clock, workers: 2 }),
    ];
    const send = (round: number) => {
      requests({ listener: "webhooks", method: `METHOD${round}`, route: null, status: 404, ms: 1 });
      deliveries.received().stored({
        guid: `${round}`,
        forge: "github",
        name: `event_${round}`,
        verdict: "skip",
        repository: `r${round}/x`,
        buildId: null,
      });
      const watch = builds.begun(exampleBuild({ id: round, repository: `stranger/${round}`, startedAt: new Date() }), {
        buildId: round,
        attempt: 1,
      });
      watch.stageEnded({ stage: "fetch", ms: 1, result: "success", failure: null });
      watch.ended({ result: "success", failure: null, images: [] }, round);
    };
    send(0);
    const count = async () => (await metrics.registry.metrics()).split("\n").length;
    const before = await count();
    for (let round = 1; round < 50; round += 1) send(round);
    expect(await count()).to.equal(before);
  });

  it("leave out what cannot be looked at, and are shown all the same", async () => {
    const metrics = createMetrics();
    let isThere = true;
    const backlog = async (): Promise<Backlog> => {
      if (!isThere) throw new Error("the database is gone");
      return {
        builds: [{ repository: "acme/shop", state: "pending", count: 3 }],
        oldestSeconds: 7,
        notifications: { pending: 1, failed: 2 },
      };
    };
    let nowMs = 0;
    const pool = () => ({ total: 3, idle: 2, waiting: 0, max: 9 });
    const shown = createMetricsPage({
      metrics,
      labelOf,
      clock: { monotonicMs: () => nowMs },
      backlog,
      pool,
      disk: null,
      stateFolder: "",
    });
    expect(await shown.text())
      .to.match(/^mergedock_queue_depth 3$/m)
      .and.match(/^mergedock_notifications\{state="failed"\} 2$/m);
    isThere = false;
    expect(await shown.text(), "is looked at again too soon").to.match(/^mergedock_queue_depth 3$/m);
    nowMs = 60_000;
    expect(await shown.text())
      .to.match(/^mergedock_queue_depth nan$/im)
      .and.match(/^db_client_connection_max 9$/m)
      .and.not.match(/^cicd_pipeline_run_active\{/m);
  });
});

describe("those who hear of builds", () => {
  it("hear all of it, also where one of them throws", () => {
    const heard: string[] = [];
    const errors: unknown[] = [];
    const broken = {
      begun: () => ({
        ...unwatched,
        stageStarted: () => {
          throw new Error("broken");
        },
      }),
    };
    const deaf = {
      begun: () => {
        throw new Error("deaf");
      },
    };
    const well = { begun: () => ({ ...unwatched, stageStarted: (stage: string) => void heard.push(stage) }) };
    const watch = allBuildObservers([broken, deaf, well], (error) => errors.push((error as Error).message)).begun(
      exampleBuild(),
      { buildId: 1, attempt: 1 },
    );
    watch.stageStarted("fetch");
    watch.ended(null, 0);
    expect(heard).to.deep.equal(["fetch"]);
    expect(errors).to.deep.equal(["deaf", "broken"]);
  });
});

describe("what few installations use", () => {
  it("is loaded when it is configured, and not at the start", () => {
    const files = readdirSync(join(root, "ci-server"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    const loading = files.filter((name) =>
      /^import (?!type )[^;]*from "(?:@opentelemetry\/|nodemailer)/m.test(
        readFileSync(join(root, "ci-server", name), "utf8"),
      ),
    );
    expect(loading).to.deep.equal([]);
  });
});

/** Names that are no functions, labels or words of PromQL. */
function metricsIn(expression: string): string[] {
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)/g, "");
  return [...bare.matchAll(/[a-z]\w*_\w+(?!\w*\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => name !== "histogram_quantile");
}
