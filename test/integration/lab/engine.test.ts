import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import Docker from "dockerode";
import { type Engine, startEngine } from "../../../lab/engine.ts";
import { sampleApp } from "../../../lab/sample-app.ts";
import { createRepository, type Repository } from "../../../lab/sample-repository.ts";
import { archive } from "../../helpers/archive.ts";
import { runFolder } from "../../helpers/folders.ts";
import { hasNewerEngine, useLab, useNewerLab } from "../../helpers/lab.ts";

describe("the private engine", () => {
  const root = join(runFolder, "engine-test-git");
  const folder = join(runFolder, "engine-test");
  let shared: Docker;
  let newer: Docker | undefined;
  let repository: Repository;
  let engine: Engine | undefined;

  before(async () => {
    shared = (await useLab()).docker;
    if (hasNewerEngine) newer = (await useNewerLab()).docker;
    const files = await sampleApp({ message: "hello from the merge" });
    repository = await createRepository({ root, name: "acme/shop", files });
  });
  after(() => rm(root, { recursive: true }));
  afterEach(async () => {
    await engine?.stop();
    engine = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  it("keeps its images for the next start", async () => {
    engine = await startEngine({ folder });
    const options = { repo: "sample", tag: "kept" };
    await text(await clientOf(engine).importImage(archive(repository.folder, "main"), options));
    await engine.stop();
    engine = await startEngine({ folder });
    const image = await clientOf(engine).getImage("sample:kept").inspect();
    expect(image.RepoTags).to.deep.equal(["sample:kept"]);
  });

  it("has a newer one beside it, which does not disturb it", async function () {
    if (newer === undefined) this.skip();
    const versions = await Promise.all([newer, shared].map((one) => one.version()));
    const [later = 0, own = 0] = versions.map(({ Version }) => Number.parseInt(Version, 10));
    expect(later).to.be.greaterThan(own);
  });

  it("says why it does not start", async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "data"), "not a folder");
    const error = await startEngine({ folder }).catch((reason) => reason);
    expect(error.message).to.match(/^dockerd ended at once.*canonical path points to a file/s);
  });

  it("builds the sample application with BuildKit, and the container prints the commit's message", async () => {
    const context = archive(repository.folder, "main");
    const options = { version: "2", t: "sample:app" };
    const answer = await post(shared, { path: "/build?", file: context, options });
    expect(await text(answer)).to.include('"id":"moby.image.id"');
    const container = await shared.createContainer({ Image: "sample:app", Tty: true, NetworkDisabled: true });
    try {
      const output = await container.attach({ stream: true, stdout: true });
      await container.start();
      expect(await text(output)).to.equal("hello from the merge\r\n");
    } finally {
      await container.remove({ force: true });
      await shared.getImage("sample:app").remove({ force: true });
    }
  });
});

function clientOf({ socketPath }: Engine): Docker {
  return new Docker({ socketPath });
}

type Post = { readonly path: string; readonly file: NodeJS.ReadableStream; readonly options: object };

/** dockerode's own buildImage opens a session to the engine, which nobody would close. */
function post({ modem }: Docker, request: Post): Promise<NodeJS.ReadableStream> {
  const { promise, resolve, reject } = Promise.withResolvers<NodeJS.ReadableStream>();
  modem.dial({ ...request, method: "POST", isStream: true, statusCodes: { 200: true } }, (error, stream) =>
    // isStream makes the answer a stream.
    error ? reject(error) : resolve(stream as NodeJS.ReadableStream),
  );
  return promise;
}
