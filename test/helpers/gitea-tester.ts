// The conversation with a fake Gitea: merge there, and see what the CI builds.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ForgeRepository } from "../../ci-server/core/ports.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import type { MergeStyle } from "../fakes/gitea/merge.ts";
import { FakeGitea, type PullHandle } from "../fakes/gitea/server.ts";
import type { DeliveryRecord, FakeHook, FakeRepository } from "../fakes/gitea/state.ts";
import { exampleRepository } from "./example-repository.ts";
import { forgetfulGitea } from "./forgetful-gitea.ts";
import { type FinishedBuild, Tester, type TesterOptions, type Verdict, webhookSecret } from "./tester.ts";

const name = "acme/shop";
const lookMs = 50;

export class GiteaTester {
  readonly gitea: FakeGitea;
  readonly ci: Tester;
  readonly repository: FakeRepository;
  /** The repository's API, as the server asks it. */
  readonly api: ForgeRepository;
  readonly #folder: string;
  #branches = 0;

  private constructor(parts: Pick<GiteaTester, "gitea" | "ci" | "repository" | "api">, folder: string) {
    this.gitea = parts.gitea;
    this.ci = parts.ci;
    this.repository = parts.repository;
    this.api = parts.api;
    this.#folder = folder;
  }

  /** acme/shop on a fake Gitea whose owner's token the CI has, and whose hook leads to the CI. `octocat` may write there. */
  static async start({ rules, ...rest }: TesterOptions = {}): Promise<GiteaTester> {
    const folder = await mkdtemp(join(tmpdir(), "gitea-"));
    const gitea = await FakeGitea.start(join(folder, "forge"));
    const repository = await gitea.addRepository(name, await sampleApp({ message: "hello from the first commit" }));
    repository.people.set("owner", "owner").set("octocat", "write");
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, gitea.giveToken("owner"), { mode: 0o600 });
    const forge = { git: gitea.git, repository: repository.git };
    const entered = { forge: "gitea", access: { token_file: tokenFile } };
    const ci = await Tester.start({ ...rest, forge, rules: { ...entered, ...rules } });
    const given = { url: `${gitea.url}/${name}.git`, forge: { name: "gitea", apiUrl: null, tokenFile } } as const;
    const api = forgetfulGitea().of(exampleRepository(given)) as ForgeRepository; // it has a token
    return new GiteaTester({ gitea, ci, repository, api }, folder);
  }

  async stop(): Promise<void> {
    await this.ci.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Of the CI. */
  get webhookUrl(): string {
    return new URL("/webhooks/gitea", this.ci.app.webhookUrl).href;
  }

  /** Made by the API, as a person would make it on the repository's page. */
  async addHook(change: { readonly secret?: string; readonly url?: string } = {}): Promise<FakeHook> {
    const settings = { url: this.webhookUrl, secret: webhookSecret, events: ["pull_request"], ...change };
    const { id } = await this.api.hooks.create(settings, AbortSignal.timeout(10_000));
    const hook = this.repository.hooks.get(Number(id));
    if (hook === undefined) throw new Error(`the fake has no hook ${id}`);
    return hook;
  }

  /** Opens a pull request that changes what the image says, in several commits, and merges it. */
  async merge(style?: MergeStyle): Promise<PullHandle> {
    const number = ++this.#branches;
    const change = (file: string) => ({
      files: { [file]: `hello from change ${number}\n` },
      message: `Change ${file}`,
    });
    const commits = [change("message.txt"), change(`more-${number}.txt`)] as const;
    const pull = await this.gitea.openPullRequest(this.repository, { branch: `topic-${number}`, commits });
    await pull.merge(style);
    return pull;
  }

  /** What was answered to the last delivery of a hook. */
  async lastOf({ deliveries }: FakeHook): Promise<DeliveryRecord & { readonly said: Verdict }> {
    for (;;) {
      const last = deliveries.at(-1);
      if (last !== undefined) return { ...last, said: JSON.parse(last.answer) };
      await delay(lookMs);
    }
  }

  /** The build that came of it, when it has ended. */
  async built(hook: FakeHook): Promise<FinishedBuild> {
    const { said } = await this.lastOf(hook);
    return this.ci.finished(said.build);
  }
}
