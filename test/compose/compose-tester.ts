// The conversation of the compose test: an installation as an operator has it, a forge in its reach, and questions to both.

import { chown, mkdir, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import Docker from "dockerode";
import { startEngine } from "../../lab/engine.ts";
import { startGitServer } from "../../lab/git-server.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { registryAddress } from "../../lab/registry-address.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import { createRepository } from "../../lab/sample-repository.ts";
import { type Answer, sendDelivery } from "../../lab/send-delivery.ts";
import { cacheFolder, enginesFolder, runFolder } from "../helpers/folders.ts";
import { type ComposeProject, composeProject } from "./compose-project.ts";
import { loadArchive } from "./docker-archive.ts";

/** What the test looks at of a build as the API shows it. */
export type Build = {
  readonly id: number;
  readonly result: string | null;
  readonly failure?: unknown;
  readonly images: readonly { readonly reference: string; readonly digest: string }[];
};

export type Manifest = { readonly status?: number | undefined; readonly digest: unknown };

export type ComposeTester = ComposeProject & {
  readonly docker: Docker;
  /** The folder that is mounted for mergedock.yml. */
  readonly configFolder: string;
  /** Merges a pull request in acme/shop and sends its delivery to the published port. */
  merge(): Promise<Answer>;
  /** A file of the ci-server's secrets. */
  secret(name: string): Promise<string>;
  build(id: number): Promise<Build>;
  /** Asks the registry as the host sees it: at the published port, trusting the CA alone. */
  manifest(digest: string | undefined): Promise<Manifest>;
  stop(): Promise<void>;
};

export const socketGroup = 4242;
const pollMs = 100;

/** Everything but `up`. The engine keeps images and build cache for the next run. */
export async function startComposeTester(): Promise<ComposeTester> {
  const folder = join(runFolder, "compose");
  const configFolder = join(folder, "config");
  await mkdir(configFolder, { recursive: true });
  const gitServer = await startGitServer({ root: join(folder, "git") });
  const gate = await openToContainers(gitServer.url);
  const engine = await startEngine({ folder: join(enginesFolder, "compose") });
  // As on a host where the group "docker" has a number that no image knows.
  await chown(engine.socketPath, 0, socketGroup);
  const docker = new Docker({ socketPath: engine.socketPath });
  const project = composeProject({ engine, docker, name: "mergedock", configFolder });
  const cloneUrl = `${urlOf(gate)}/acme/shop.git`;
  await writeFile(join(configFolder, "mergedock.yml"), `repositories: [{ name: acme/shop, url: "${cloneUrl}" }]\n`);
  await removeRemains(docker, project);
  await loadArchive({ docker, folder: join(cacheFolder, "images") });

  const secret = (name: string) =>
    project.exec({ service: "ci-server", user: "node", command: ["cat", `/run/mergedock/${name}`] });
  return {
    ...{ ...project, docker, configFolder, secret },
    merge: async () => merge({ root: join(folder, "git"), cloneUrl, secret: await secret("webhook-secret") }),
    build: async (id) => getBuild(id, await secret("admin-token")),
    manifest: async (digest) =>
      headManifest(digest ?? "", { ca: await secret("ca.crt"), auth: `ci:${await secret("registry-password")}` }),
    async stop() {
      gate.close();
      await gitServer.stop();
      await project.compose("down", "--volumes", "--remove-orphans").finally(engine.stop);
      await rm(folder, { recursive: true });
    },
  };
}

/** The git server listens on loopback; the namespace's other address is in the containers' reach as well. */
async function openToContainers(url: string): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(url).port), "127.0.0.1");
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, registryAddress.ip, resolve));
  return server;
}

function urlOf(server: Server): string {
  // A server that listens on TCP has an address with a port.
  const { address, port } = server.address() as AddressInfo;
  return `http://${address}:${port}`;
}

/** What a run that was killed, and what every run, leaves in the engine that this one inherits. */
async function removeRemains(docker: Docker, { compose }: ComposeProject): Promise<void> {
  await compose("down", "--volumes", "--remove-orphans");
  await docker.pruneVolumes();
  await docker.pruneImages();
  const tags = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  for (const tag of tags.filter((each) => each.startsWith("localhost:5000/"))) await docker.getImage(tag).remove();
}

type Forge = { readonly root: string; readonly cloneUrl: string; readonly secret: string };

async function merge({ root, cloneUrl, secret }: Forge): Promise<Answer> {
  const files = await sampleApp({ message: "before" });
  const repository = await createRepository({ root, name: "acme/shop", files });
  const pullRequest = await repository.openPullRequest({
    branch: "greet",
    commits: [{ message: "Say hello", files: { "message.txt": "hello from compose\n" } }],
  });
  const payload = closedPullRequest({ repository, cloneUrl, pullRequest, merge: await pullRequest.merge("merge") });
  return sendDelivery({ url: "http://127.0.0.1:8088/webhooks/github", secret, event: "pull_request", payload });
}

async function getBuild(id: number, token: string): Promise<Build> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:8080/api/v1/builds/${id}`, { headers });
  if (answer.status !== 200) throw new Error(`the API answered ${answer.status}: ${await answer.text()}`);
  // The API's own contract.
  return (await answer.json()) as Build;
}

function headManifest(digest: string, trust: { readonly ca: string; readonly auth: string }): Promise<Manifest> {
  const { promise, resolve, reject } = Promise.withResolvers<Manifest>();
  const url = `https://localhost:5000/v2/acme/shop/manifests/${digest}`;
  const accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
  const call = request(url, { ...trust, method: "HEAD", agent: false, headers: { accept } }, (answer) => {
    const found = { status: answer.statusCode, digest: answer.headers["docker-content-digest"] };
    text(answer).then(() => resolve(found), reject);
  });
  call.on("error", reject).end();
  return promise;
}

/** What `look` finds once it finds something; throws when that takes too long. */
export async function until<T>(timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not so within ${timeoutMs} ms`);
    await delay(pollMs);
  }
}
