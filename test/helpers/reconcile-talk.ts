// More of the conversation with a fake GitHub: what did not arrive, and what the server found of it.

import { expect } from "chai";
import type { PullHandle } from "../fakes/github/server.ts";
import type { DeliveryRecord } from "../fakes/github/state.ts";
import { GithubTester, type GithubTesterOptions, type ReconcileState } from "./github-tester.ts";
import type { BuildView } from "./tester.ts";

export interface DeliveryEntry {
  readonly guid: string;
  readonly name: string;
  readonly action: string | null;
  readonly origin: string;
  readonly verdict: string;
  readonly reason: string;
  readonly build: number | null;
}

/** An image of one file, built in the least time. */
export const tinyDockerfile = { Dockerfile: 'FROM scratch\nCOPY message.txt /\nCMD ["/message.txt"]\n' };

export class ReconcileTalk {
  readonly github: GithubTester;

  private constructor(github: GithubTester) {
    this.github = github;
  }

  /** acme/shop with a small image. What was merged a moment ago is missed already; nobody looks by himself after the start. */
  static async start(options: GithubTesterOptions = {}): Promise<ReconcileTalk> {
    const { limits, file, ...rest } = options;
    const github = await GithubTester.start({
      ...rest,
      limits: { reconcile_grace_seconds: 0, ...limits },
      file: { reconcile: { every_seconds: 0 }, attestations: { enabled: false }, ...file },
    });
    const talk = new ReconcileTalk(github);
    await talk.looked(1);
    await github.repository.git.commit({ files: tinyDockerfile, message: "Make the image small" });
    return talk;
  }

  /** The server is gone while this is done; its hooks lead to it when it has come back. */
  async whileDown<T>(work: () => Promise<T>): Promise<T> {
    const { ci, repository } = this.github;
    const before = ci.app.webhookUrl;
    await ci.stopServer();
    const done = await work();
    await ci.startServer();
    for (const { config } of repository.hooks.values()) if (config.url === before) config.url = ci.app.webhookUrl;
    return done;
  }

  /** GitHub does not reach the server meanwhile. */
  async whileCutOff<T>(work: () => Promise<T>): Promise<T> {
    const { faults } = this.github.github.state;
    faults.isCutOff = true;
    return work().finally(() => {
      faults.isCutOff = false;
    });
  }

  /** Has the server look now; what it says of the look when that is over. */
  async reconcile(): Promise<ReconcileState> {
    const answer = await this.github.ci.post("/reconcile", {});
    const { repositories } = (await answer.json()) as { repositories: { round: number }[] };
    return this.looked(repositories[0]?.round ?? 0);
  }

  /** When this look is over. */
  looked(round: number): Promise<ReconcileState> {
    return this.github.looked(round);
  }

  /** Oldest first, when there are so many and all have ended. */
  allBuilt(count: number): Promise<readonly BuildView[]> {
    return this.github.until(
      () => this.builds(),
      (found) => found.length >= count && found.every(({ result }) => result !== null),
    );
  }

  async builds(): Promise<readonly BuildView[]> {
    const answer = await this.github.ci.api("/builds?limit=100");
    return ((await answer.json()) as { builds: BuildView[] }).builds.toReversed();
  }

  /** Oldest first. */
  async deliveries(): Promise<readonly DeliveryEntry[]> {
    const answer = await this.github.ci.api("/deliveries?limit=100");
    return ((await answer.json()) as { deliveries: DeliveryEntry[] }).deliveries.toReversed();
  }

  stop(): Promise<void> {
    return this.github.stop();
  }
}

export async function mergeAll(talk: ReconcileTalk, messages: readonly string[]): Promise<PullHandle[]> {
  const merged: PullHandle[] = [];
  for (const message of messages) merged.push(await talk.github.merge(message));
  return merged;
}

/** What nobody answered, oldest first. */
export function failed({ github }: ReconcileTalk): readonly DeliveryRecord[] {
  return [...github.repository.hooks.values()].flatMap(({ deliveries }) =>
    deliveries.filter(({ statusCode, action }) => statusCode === 0 && action === "closed"),
  );
}

/** Of the fake's API, as the hook's owner. */
export async function askFake({ github }: ReconcileTalk, path: string): Promise<void> {
  const authorization = `Bearer ${github.github.giveToken("admin")}`;
  const url = `${github.github.url}/api/v3/repos/acme/shop${path}`;
  const { status } = await fetch(url, { method: "POST", headers: { authorization } });
  expect(status).to.equal(202);
}
