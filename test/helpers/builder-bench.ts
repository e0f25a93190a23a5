// What the suites on Builder work with: an engine, a builder on it, and a folder that stands for the checkout. Each suite
// runs on the machine's own engine and on the newer one.

import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createEngine } from "../../ci-server/adapters/docker-engine.ts";
import { createDockerBuilder } from "../../ci-server/builders/docker.ts";
import type { BuildStep } from "../../ci-server/core/build-step.ts";
import type { CredentialsByHost } from "../../ci-server/core/credentials.ts";
import type { Builder, BuilderRequest, Built, ContextTransfer, LineOrigin } from "../../ci-server/core/ports.ts";
import type { Recipe } from "../../ci-server/core/recipe.ts";
import { usualService } from "../../ci-server/core/service.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import type { FileContent } from "../../lab/sample-commit.ts";
import { removeImages } from "./engine-images.ts";
import { hasNewerEngine, type Lab, useLab, useNewerLab } from "./lab.ts";

export interface BuilderParts {
  readonly engineHost?: string;
  readonly pushHost?: string;
  readonly password?: string;
  readonly credentials?: CredentialsByHost;
  readonly contextTransfer?: ContextTransfer;
}

export type Written = LineOrigin & { readonly text: string };

/** The recipe's fields may be changed, and those of the request that a test is about. */
export type Asked = Partial<Recipe> & {
  readonly request?: Partial<Pick<BuilderRequest, "signal" | "attempt" | "bases" | "secrets" | "log">>;
};

export class BuilderBench {
  #lab: Lab | undefined;
  folder = "";
  written: Written[] = [];
  /** As they were told last. */
  steps = new Map<number, BuildStep>();

  /** There from the suite's beginning on. */
  get lab(): Lab {
    if (this.#lab === undefined) throw new Error("the bench is asked before its suite has begun");
    return this.#lab;
  }

  set lab(lab: Lab) {
    this.#lab = lab;
  }

  /** A test's own folder, and nothing told yet. */
  async begin(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), "context-"));
    this.written = [];
    this.steps = new Map();
  }

  async end(): Promise<void> {
    await removeImages(this.lab);
    await rm(this.folder, { recursive: true });
  }

  get builder(): Builder {
    return this.create();
  }

  build(asked?: Asked): Promise<Built> {
    return this.builder.build(this.request(asked));
  }

  /** Another one on the same engine. */
  create({ engineHost, pushHost, password, credentials, contextTransfer = "sync" }: BuilderParts = {}): Builder {
    const host = pushHost ?? this.lab.registry.host;
    const login = () => new Map([[host, { username: "ci", password: password ?? this.lab.account.password }]]);
    return createDockerBuilder({
      engine: createEngine({ host: engineHost ?? this.lab.engine.host, silenceMsMax: 60_000 }),
      pushHost: host,
      credentials: credentials ?? login(),
      contextTransfer,
    });
  }

  get lines(): string[] {
    return this.written.map(({ text }) => text);
  }

  async put(files: Readonly<Record<string, FileContent | null>>): Promise<void> {
    for (const [file, content] of Object.entries(files)) {
      const isPlain = typeof content === "string" || content instanceof Uint8Array || content === null;
      await mkdir(dirname(join(this.folder, file)), { recursive: true });
      await writeFile(join(this.folder, file), isPlain ? (content ?? "") : content.content);
      if (!isPlain && content.executable) await chmod(join(this.folder, file), 0o755);
    }
  }

  /** The sample application with a Dockerfile of these lines on top of its busybox, which takes the first three. */
  async putDockerfile(...steps: string[]): Promise<void> {
    const { busybox, ...rest } = await sampleApp({ message: "hello" });
    const base = ["FROM scratch", "COPY busybox /bin/busybox", 'RUN ["/bin/busybox", "--install", "-s", "/bin"]'];
    await this.put({ ...rest, busybox: busybox ?? "", Dockerfile: [...base, ...steps, ""].join("\n") });
  }

  request({ request = {}, ...recipe }: Asked = {}): BuilderRequest {
    const { name: _name, paths: _paths, ...usual } = usualService("shop");
    const shop: Recipe = {
      ...usual,
      ...{ service: "shop", type: "docker", image: "contract/shop", annotations: {} },
      ...{ tags: ["t1", "t2"], labels: { "dev.mergedock.test": 'a "quoted" ü' } },
      ...{ ownLabels: {}, fixedTags: [], forwardTags: [], tagNotes: [] },
    };
    const checkout = {
      sha: "a".repeat(40),
      folder: this.folder,
      committedAt: new Date("2026-01-01T00:00:00Z"),
      merge: null,
      read: async () => null,
      isAncestor: async () => null,
      release: () => undefined,
    };
    return {
      ...{ buildId: 1, attempt: 1, checkout, recipe: { ...shop, ...recipe }, bases: [], secrets: new Map() },
      signal: new AbortController().signal,
      log: (text, origin) => this.written.push({ text, ...origin }),
      onBrought: () => undefined,
      onStep: (step) => this.steps.set(step.number, step),
      ...request,
    };
  }
}

export function builderContract(title: string, define: (bench: BuilderBench) => void): void {
  onEngine(`${title}, by Docker's BuildKit`, useLab, define);
  if (hasNewerEngine) onEngine(`${title}, by the BuildKit of a newer engine`, useNewerLab, define);
  else describe(title, () => it("skipped: no newer engine"));
}

function onEngine(title: string, use: () => Promise<Lab>, define: (bench: BuilderBench) => void): void {
  describe(title, function () {
    this.timeout(60_000);
    const bench = new BuilderBench();
    before(async () => {
      bench.lab = await use();
    });
    beforeEach(() => bench.begin());
    afterEach(() => bench.end());
    define(bench);
  });
}
