// What core/ports.ts promises of Builder, held by every implementation.

import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { makeCertificates } from "../../certs/make-certs.ts";
import { createEngine } from "../../ci-server/adapters/docker-engine.ts";
import { createDockerBuilder } from "../../ci-server/builders/docker.ts";
import type { Builder, BuilderRequest } from "../../ci-server/core/ports.ts";
import type { Recipe } from "../../ci-server/core/recipe.ts";
import { usualService } from "../../ci-server/core/service.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import type { FileContent } from "../../lab/sample-commit.ts";
import { trustRegistry } from "../../lab/trust-registry.ts";
import { removeImages, runImage } from "../helpers/engine-images.ts";
import { fails } from "../helpers/failure.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { processes } from "../helpers/processes.ts";

interface BuilderParts {
  readonly engineHost: string;
  readonly pushHost: string;
  readonly password: string;
}

builderContract("Docker's BuildKit", ({ engineHost, pushHost, password }) =>
  createDockerBuilder({
    engine: createEngine({ host: engineHost, silenceMsMax: 60_000 }),
    pushHost,
    username: "ci",
    password,
  }),
);

function builderContract(name: string, create: (parts: BuilderParts) => Builder): void {
  describe(`Builder by ${name}`, function () {
    this.timeout(60_000);
    let lab: Lab;
    let parts: BuilderParts;
    let builder: Builder;
    let folder: string;
    let lines: string[];
    before(async () => {
      lab = await useLab();
      parts = { engineHost: lab.engine.host, pushHost: lab.registry.host, password: lab.account.password };
      builder = create(parts);
    });
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "context-"));
      lines = [];
    });
    afterEach(async () => {
      await removeImages(lab);
      await rm(folder, { recursive: true });
    });

    async function put(files: Readonly<Record<string, FileContent | null>>): Promise<void> {
      for (const [file, content] of Object.entries(files)) {
        const isPlain = typeof content === "string" || content instanceof Uint8Array || content === null;
        await mkdir(dirname(join(folder, file)), { recursive: true });
        await writeFile(join(folder, file), isPlain ? (content ?? "") : content.content);
        if (!isPlain && content.executable) await chmod(join(folder, file), 0o755);
      }
    }

    /** The sample application with a Dockerfile of these lines on top of its busybox. */
    async function putDockerfile(...steps: string[]): Promise<void> {
      const { busybox, ...rest } = await sampleApp({ message: "hello" });
      const base = ["FROM scratch", "COPY busybox /bin/busybox", 'RUN ["/bin/busybox", "--install", "-s", "/bin"]'];
      await put({ ...rest, busybox: busybox ?? "", Dockerfile: [...base, ...steps, ""].join("\n") });
    }

    function request(recipe: Partial<Recipe> = {}, signal: AbortSignal = new AbortController().signal): BuilderRequest {
      const { name: _name, paths: _paths, ...usual } = usualService("shop");
      const shop: Recipe = {
        ...usual,
        ...{ service: "shop", type: "docker", image: "contract/shop", annotations: {} },
        ...{ fixedTags: [], forwardTags: [], tagNotes: [] },
        ...{ tags: ["t1", "t2"], labels: { "dev.mergedock.test": 'a "quoted" ü' } },
      };
      const checkout = {
        sha: "a".repeat(40),
        folder,
        committedAt: new Date("2026-01-01T00:00:00Z"),
        merge: null,
        release: () => undefined,
        isAncestor: async () => null,
      };
      return {
        buildId: 1,
        attempt: 1,
        checkout,
        recipe: { ...shop, ...recipe },
        signal,
        log: (text) => lines.push(text),
      };
    }

    it("builds what the context holds, tells each step, and labels the image", async () => {
      await put(await sampleApp({ message: "hello from the contract" }));
      const built = await builder.build(request());
      expect(await runImage(lab, built.imageId)).to.equal("hello from the contract\n");
      expect((await lab.docker.getImage(built.imageId).inspect()).Config.Labels).to.deep.equal({
        "dev.mergedock.test": 'a "quoted" ü',
      });
      expect(
        lines.some((line) => /^#\d+ \[\d\/\d\] COPY message.txt/.test(line)),
        lines.join("\n"),
      ).to.equal(true);
    });

    it("gives the same image for the same commit", async () => {
      await put(await sampleApp({ message: "again" }));
      const first = await builder.build(request());
      await rm(join(folder, "message.txt"));
      await put(await sampleApp({ message: "again" }));
      expect(await builder.build(request())).to.deep.equal(first);
    });

    it("knows what an earlier attempt has built, and what is gone", async () => {
      await put(await sampleApp({ message: "kept" }));
      const built = await builder.build(request());
      const later = { ...request(), attempt: 2 };
      expect(await builder.has(later, built)).to.equal(true);
      expect(await builder.has(later, { ...built, tag: "build-1-2" })).to.equal(false);
      expect((await builder.build(later)).tag).to.equal("build-1-2");
    });

    it("pushes the image under its attempt's tag alone and returns the registry's digest", async () => {
      await put(await sampleApp({ message: "pushed" }));
      const built = await builder.build(request());
      const digest = await builder.push(request(), built);
      expect(digest).to.match(/^sha256:[0-9a-f]{64}$/);
      expect(await builder.push(request(), built)).to.equal(digest);
      expect(await runImage(lab, `${lab.registry.host}/contract/shop@${digest}`, { pull: true })).to.equal("pushed\n");
      expect(await runImage(lab, `${lab.registry.host}/contract/shop:build-1`, { pull: true })).to.equal("pushed\n");
      const [first] = request().recipe.tags;
      expect(await runImage(lab, `${lab.registry.host}/contract/shop:${first}`, { pull: true }).catch(String)).to.match(
        /unknown|not found/,
      );
    });

    it("fails with the user's failing step and what it printed", async () => {
      await putDockerfile("RUN echo so far so good && exit 3");
      await fails(builder.build(request()), "build_failed", "exit code: 3");
      expect(lines.join("\n")).to.contain("so far so good").and.to.contain("ERROR");
    });

    it("fails with the line of a Dockerfile that is wrong", async () => {
      await put({ Dockerfile: "FROM scratch\nCOPPY a b\n" });
      await fails(builder.build(request()), "build_failed", "COPPY");
    });

    it("refuses a context or Dockerfile that is not in the commit", async () => {
      await put({ Dockerfile: "FROM scratch\n" });
      await fails(builder.build(request({ context: "none" })), "invalid", "there is no folder none in this commit");
      await fails(builder.build(request({ dockerfile: "Other" })), "invalid", "there is no Other in . of this commit");
    });

    it("T18: refuses a context that leads out of the commit", async () => {
      await put({ Dockerfile: "FROM scratch\n" });
      await symlink("/etc", join(folder, "out"));
      await fails(builder.build(request({ context: "out" })), "invalid", "leads out of the repository");
      await fails(builder.build(request({ context: "../.." })), "invalid", "leads out of the repository");
    });

    it("T15: does not follow a .dockerignore to /dev/zero", async () => {
      await put({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
      await symlink("/dev/zero", join(folder, ".dockerignore"));
      await fails(builder.build(request()), "invalid", ".dockerignore has to be a regular file");
    });

    const unusable: [what: string, files: Readonly<Record<string, FileContent>>, context: string, words: string][] = [
      ["a context that is a file", { "a.txt": "x" }, "a.txt", "a.txt is not a folder"],
      ["a .dockerignore that is no pattern", { ".dockerignore": "[" }, ".", ".dockerignore cannot be read"],
      [
        "a .dockerignore that would keep us busy for ever",
        { ".dockerignore": `${"*a".repeat(14)}b`, ["a".repeat(200)]: "" },
        ".",
        "has more than 4 * in one name",
      ],
    ];
    for (const [what, files, context, words] of unusable) {
      it(`refuses ${what}, at once and by name`, async () => {
        await put({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n", ...files });
        await fails(builder.build(request({ context })), "invalid", words);
      });
    }

    it("refuses a file whose name is not UTF-8", async () => {
      await put({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
      await writeFile(Buffer.concat([Buffer.from(`${folder}/a`), Buffer.from([0xff])]), "");
      await fails(builder.build(request()), "invalid", "is not UTF-8");
    });

    it("sends what .dockerignore leaves, links as links, and never .git", async () => {
      const script = 'find /all -mindepth 1 | sort && readlink /all/link && stat -c "%a %u" /all/run.sh /all/keep/b';
      await putDockerfile(
        "COPY . /all",
        "RUN rm /all/busybox /all/Dockerfile /all/message.txt",
        `CMD ["/bin/sh", "-c", ${JSON.stringify(script)}]`,
      );
      await put({
        ".dockerignore": "skip\n*.md\n!keep/*.md\n.dockerignore\n",
        "skip/a": "a",
        "keep/b": "b",
        "keep/c.md": "c",
        "d.md": "d",
        ".git": "gitdir: x",
      });
      await put({ "run.sh": { content: "#!/bin/sh\n", executable: true } });
      await symlink("/nowhere", join(folder, "link"));
      const built = await builder.build(request());
      const printed = (await runImage(lab, built.imageId)).trim().split("\n");
      expect(printed).to.deep.equal([
        "/all/.dockerignore",
        "/all/keep",
        "/all/keep/b",
        "/all/keep/c.md",
        "/all/link",
        "/all/run.sh",
        "/nowhere",
        "755 0",
        "644 0",
      ]);
    });

    it("ends the step on the engine when it is stopped", async () => {
      await putDockerfile("RUN echo started && sleep 3600");
      const stop = new AbortController();
      const started = new Promise<void>((resolve) => {
        const watching = request({}, stop.signal);
        const running = builder.build({
          ...watching,
          log: (text) => (text.endsWith(" started") ? resolve() : undefined),
        });
        running.catch((error: Error) => lines.push(error.message));
      });
      await started;
      await untilSleepers(1, 10_000);
      stop.abort(new Error("enough"));
      await untilSleepers(0, 1_000);
      expect(lines).to.deep.equal(["enough"]);
    });

    it("says what to check when the push is refused or the registry is not trusted", async () => {
      await put(await sampleApp({ message: "refused" }));
      const refused = create({ ...parts, password: "wrong" });
      await fails(refused.push(request(), await refused.build(request())), "unauthorized", "check registry.username");
      const gone = create({ ...parts, pushHost: "127.0.0.1:1" });
      await fails(gone.push(request(), await gone.build(request())), "unavailable", "is the registry running?");
      await lab.docker.getImage("127.0.0.1:1/contract/shop:build-1").remove();
    });

    it("T29: refuses to push where another CA has signed, and says how the engine learns to trust", async () => {
      await put(await sampleApp({ message: "untrusted" }));
      const built = await builder.build(request());
      const other = await makeCertificates({ folder: join(folder, "other"), hosts: ["localhost"] });
      await trustRegistry({ host: lab.registry.host, caFile: other.caFile });
      try {
        await fails(builder.push(request(), built), "forbidden", "let the engine trust the CA: see registry/README.md");
      } finally {
        await trustRegistry(lab.registry);
      }
    });

    it("says that the engine cannot be reached", async () => {
      await put({ Dockerfile: "FROM scratch\n" });
      const gone = create({ ...parts, engineHost: "unix:///nowhere.sock" });
      await fails(gone.build(request()), "unavailable", "the Docker engine at unix:///nowhere.sock cannot be reached");
      await fails(gone.check(new AbortController().signal), "unavailable", "is it running, and may this user open it?");
    });
  });
}

/** How many `sleep 3600` run in the tests' namespace, on the engine included. */
async function sleepers(): Promise<number> {
  return (await processes()).filter(({ command }) => command === "sleep 3600").length;
}

async function untilSleepers(count: number, msMax: number): Promise<void> {
  const deadline = performance.now() + msMax;
  while ((await sleepers()) !== count) {
    if (performance.now() > deadline)
      throw new Error(`after ${msMax} ms there are ${await sleepers()} and not ${count}`);
  }
}
