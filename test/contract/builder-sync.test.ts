// What core/ports/builder.ts promises of a context that the engine asks for file by file: only what has changed travels, and
// what is built is what the folder holds.

import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { AppError } from "../../ci-server/core/errors.ts";
import { type BuilderBench, builderContract } from "../helpers/builder-bench.ts";
import { startCountingProxy } from "../helpers/counting-proxy.ts";
import { runImage } from "../helpers/engine-images.ts";
import { fails } from "../helpers/failure.ts";
import { trace } from "../helpers/flooding-engine.ts";
import { startLyingProxy } from "../helpers/lying-proxy.ts";

const megabyte = 1024 * 1024;
/** One line for each file: mode, size or target, name, checksum. */
const listing = [
  "RUN cd /all && rm -f busybox && find . -mindepth 1 | sort > /names",
  `CMD ["/bin/sh", "-c", "cd /all && while read -r f; do if [ -L \\"$f\\" ]; then echo \\"$f -> $(readlink \\"$f\\")\\"; elif [ -d \\"$f\\" ]; then echo \\"$f/\\"; else echo \\"$f $(stat -c %a \\"$f\\") $(md5sum < \\"$f\\")\\"; fi; done < /names"]`,
];

builderContract("Builder and a context that is asked for", (bench) => {
  it("sends what has changed since the build before, and no more", async () => {
    const folder = await mkdtemp(join(tmpdir(), "counted-"));
    const proxy = await startCountingProxy(bench.lab.engine.socketPath, join(folder, "engine.sock"));
    try {
      const builder = bench.create({ engineHost: proxy.host });
      await bench.putDockerfile("COPY . /all", 'CMD ["/bin/cat", "/all/docs/small"]');
      await bench.put({ large: randomBytes(4 * megabyte), "docs/small": "one" });
      await builder.build(bench.request());
      expect(proxy.sent()).to.be.greaterThan(4 * megabyte);
      await bench.put({ "docs/small": "two" });
      const built = await builder.build(bench.request());
      expect(proxy.sent()).to.be.lessThan(megabyte / 8);
      expect(await runImage(bench.lab, built.imageId)).to.equal("two");
    } finally {
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });

  it("sends nothing that the Dockerfile does not take", async () => {
    const folder = await mkdtemp(join(tmpdir(), "counted-"));
    const proxy = await startCountingProxy(bench.lab.engine.socketPath, join(folder, "engine.sock"));
    try {
      await bench.putDockerfile("COPY docs /docs");
      await bench.put({ large: randomBytes(8 * megabyte), "docs/small": "one" });
      await bench.create({ engineHost: proxy.host }).build(bench.request());
      expect(proxy.sent()).to.be.lessThan(4 * megabyte);
    } finally {
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });

  it("builds what the folder holds, whatever was changed since the build before", async function () {
    this.timeout(120_000);
    await bench.putDockerfile("COPY . /all", ...listing);
    await bench.put({ ".dockerignore": "ignored\n**/*.log\n", "a/b/c": "c", "a/d": "d", e: "e", "f/g": "g" });
    await check(bench);
    for (const change of changes(bench.folder)) {
      await change();
      await check(bench);
    }
  });

  it("gives what an archive of the same folder gives", async () => {
    await bench.putDockerfile("COPY . /all", ...listing);
    await bench.put({ "a/b/ü, ö": "c", "x y/z": "d", "run.sh": { content: "#!/bin/sh\n", executable: true } });
    await symlink("../nowhere", join(bench.folder, "a/link"));
    const request = () => bench.request({ noCache: true });
    const asked = await bench.create().build(request());
    const printed = await runImage(bench.lab, asked.imageId);
    const packed = await bench.create({ contextTransfer: "tar" }).build(request());
    expect(await runImage(bench.lab, packed.imageId)).to.equal(printed);
    expect(printed).to.contain("a/b/ü, ö 644").and.to.contain("a/link -> ../nowhere").and.to.contain("run.sh 755");
  });

  it("leaves out the Dockerfile where it is ignored, and prefers an ignore file of its own", async () => {
    await bench.putDockerfile("COPY . /all", ...listing);
    await bench.put({ ".dockerignore": "keep\n", "Dockerfile.dockerignore": "Dockerfile*\nbusybox2\n", keep: "k" });
    const printed = await runImage(bench.lab, (await bench.build()).imageId);
    expect(printed).to.contain("./keep 644").and.not.to.contain("Dockerfile");
  });

  it("lets a file that is neither file nor link fail the build at once, and names it", async () => {
    await bench.putDockerfile("COPY . /all");
    execFileSync("mkfifo", [join(bench.folder, "pipe")]);
    const error: unknown = await bench.build().catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(AppError).and.to.include({ code: "build_failed" });
    expect(String(error)).to.contain("pipe is neither a file nor a link nor a folder");
  });

  it("sends a folder that .dockerignore empties, and a name in other letters than what it ignores", async () => {
    await bench.putDockerfile("COPY . /all", ...listing);
    await bench.put({ ".dockerignore": "logs/*\nreadme\n", "logs/a": "", README: "", readme: "" });
    for (const contextTransfer of ["sync", "tar"] as const) {
      const { imageId } = await bench.create({ contextTransfer }).build(bench.request({ noCache: true }));
      const printed = await runImage(bench.lab, imageId);
      expect(printed, contextTransfer).to.contain("./logs/\n").and.to.contain("./README 644");
      expect(printed, contextTransfer).not.to.match(/logs\/a|readme/);
    }
  });

  it("lets a Dockerfile take an ignore file as any other", async () => {
    await bench.put({ "sub/.dockerignore": "x", Dockerfile: "FROM scratch\nCOPY sub/.dockerignore /\n" });
    await bench.build();
  });

  for (const name of [" lead", "trail ", "\u00fc"])
    it(`lets a Dockerfile take ${JSON.stringify(name)}`, async () => {
      await bench.put({ [name]: "x", other: "", Dockerfile: `FROM scratch\nCOPY [${JSON.stringify(name)}, "/"]\n` });
      await bench.build();
    });

  it("finds the Dockerfile in a folder and behind a link", async () => {
    await bench.putDockerfile("COPY message.txt /", 'CMD ["/bin/cat", "/message.txt"]');
    await mkdir(join(bench.folder, "docker"));
    await rename(join(bench.folder, "Dockerfile"), join(bench.folder, "docker/prod"));
    await symlink("docker/prod", join(bench.folder, "Dockerfile"));
    for (const dockerfile of ["docker/prod", "Dockerfile"]) {
      const { imageId } = await bench.build({ dockerfile, noCache: true });
      expect(await runImage(bench.lab, imageId)).to.equal("hello\n");
    }
  });

  it("ends at once when it is stopped in the middle of a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "counted-"));
    const proxy = await startCountingProxy(bench.lab.engine.socketPath, join(folder, "engine.sock"));
    try {
      await bench.putDockerfile("COPY . /all");
      await bench.put({ large: randomBytes(64 * megabyte) });
      const stop = new AbortController();
      const ended = bench
        .create({ engineHost: proxy.host })
        .build(bench.request({ request: { signal: stop.signal } }))
        .then(String, (error: Error) => error.message);
      for (let sent = 0; sent < megabyte; sent += proxy.sent()) await setImmediate();
      stop.abort(new Error("enough"));
      expect(await ended).to.equal("enough");
    } finally {
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });

  for (const [what, copy, builds] of [
    ["sends the context anew where the engine looks for a file that is long gone", "src/*", 2],
    ["does not where the Dockerfile itself names what is not there", "src/src", 1],
  ] as const) {
    it(what, async () => {
      const folder = await mkdtemp(join(tmpdir(), "mixed-up-"));
      const answers: string[] = [];
      // BuildKit 0.8 does so after many builds: see ADR 0015.
      const error = 'failed to compute cache key: "/src/src" not found: not found';
      const vertex = { digest: "sha256:1", name: `[2/2] COPY ${copy} /all/`, started: { seconds: 1 } };
      const lines = [trace({ vertexes: [{ ...vertex, completed: { seconds: 2 }, error }] })];
      const mixedUp = Buffer.from(`${lines.join("")}${JSON.stringify({ errorDetail: { message: error }, error })}\n`);
      const proxy = await startLyingProxy({
        upstream: { socketPath: bench.lab.engine.socketPath },
        isTls: false,
        socketPath: join(folder, "engine.sock"),
        lie: ({ path }, truth) => {
          if (!path.startsWith("/build?")) return null;
          answers.push(path);
          return answers.length === 1 ? { ...truth, body: mixedUp } : null;
        },
      });
      try {
        await bench.putDockerfile("COPY src /all");
        await bench.put({ "src/a": "a" });
        const building = bench.create({ engineHost: `unix://${join(folder, "engine.sock")}` }).build(bench.request());
        if (builds === 1) await fails(building, "build_failed", "not found");
        else expect((await building).tag).to.equal("build-1");
        expect(answers).to.have.length(builds);
      } finally {
        await proxy.stop();
        await rm(folder, { recursive: true });
      }
    });
  }

  it("T15: reads no file through a link that has taken its place", async () => {
    await bench.putDockerfile("COPY . /all", ...listing);
    await symlink("/etc/passwd", join(bench.folder, "passwd"));
    const printed = await runImage(bench.lab, (await bench.build()).imageId);
    expect(printed).to.contain("./passwd -> /etc/passwd");
  });
});

/** One after the other, in the folder of the build before. */
function changes(folder: string): (() => Promise<unknown>)[] {
  const at = (name: string) => join(folder, name);
  return [
    // Of the same size.
    () => writeFile(at("e"), "E"),
    () => rm(at("a/d")),
    // git knows no empty folders.
    () => rename(at("a/b"), at("f/b")).then(() => rm(at("a"), { recursive: true })),
    () => rm(at("f"), { recursive: true }).then(() => writeFile(at("f"), "a file now")),
    () =>
      rm(at("f"))
        .then(() => mkdir(at("f/deep"), { recursive: true }))
        .then(() => writeFile(at("f/deep/g"), "g")),
    () => rm(at("e")).then(() => symlink("f/deep/g", at("e"))),
    () => rm(at("e")).then(() => symlink("f/deep/h", at("e"))),
    () => chmod(at("f/deep/g"), 0o755),
    () => writeFile(at("ignored"), "not sent").then(() => writeFile(at("f/deep/x.log"), "not sent")),
    () => writeFile(at("f-1"), "sorts before f/ by bytes").then(() => writeFile(at("f.1"), "so does this")),
    () => writeFile(at("\u{1F600}"), "beyond the basic plane").then(() => writeFile(at("\uFB01"), "ligature")),
    () => writeFile(at("empty"), ""),
  ];
}

async function check(bench: BuilderBench): Promise<void> {
  const built = await bench.build();
  const printed = (await runImage(bench.lab, built.imageId)).trim().split("\n").sort();
  expect(printed).to.deep.equal((await expected(bench.folder)).sort());
}

async function expected(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const kept = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/\/(?:ignored|busybox)$|\.log$/.test(file));
  return Promise.all(
    kept.map(async (file) => {
      const stats = await lstat(file);
      const name = `./${relative(folder, file)}`;
      if (stats.isDirectory()) return `${name}/`;
      if (stats.isSymbolicLink()) return `${name} -> ${await readlink(file)}`;
      const mode = (stats.mode & 0o100) === 0 ? "644" : "755";
      return `${name} ${mode} ${createHash("md5")
        .update(await readFile(file))
        .digest("hex")}  -`;
    }),
  );
}
