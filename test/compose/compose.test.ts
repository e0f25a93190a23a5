// docker-compose.yml on a real engine: from a signed delivery at the published port to the image in its registry.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { engineObjects } from "../helpers/engine-objects.ts";
import { serviceOf } from "./compose-project.ts";
import { type Build, type ComposeTester, socketGroup, startComposeTester, until } from "./compose-tester.ts";

const upMs = 180_000;
const buildMs = 60_000;

describe("docker-compose.yml", function () {
  this.timeout(upMs + 60_000);
  let ci: ComposeTester;
  let built: Build;

  before(async () => {
    ci = await startComposeTester();
    await ci.compose("up", "--detach", "--build");
  });

  after(() => ci?.stop());

  afterEach(async function () {
    if (this.currentTest?.isFailed()) console.error(await ci.compose("logs", "--no-color", "--tail=50", "ci-server"));
  });

  it("brings every service to health, and ends the one that makes the secrets", async () => {
    const states = await until(upMs, async () => {
      const containers = await ci.containers();
      const all = containers.map((each) => `${serviceOf(each)} ${each.State.Health?.Status ?? each.State.ExitCode}`);
      return all.some((state) => state.endsWith("starting")) ? undefined : all.sort();
    });
    expect(states).to.deep.equal(["certs 0", "ci-server healthy", "postgres healthy", "registry healthy"]);
  });

  it("makes an image of a merged pull request, which is in the registry under its digest", async () => {
    const answer = await ci.merge();
    expect(answer.status, answer.body).to.equal(202);
    const { build: id } = JSON.parse(answer.body);
    built = await until(buildMs, async () => {
      const build = await ci.build(id);
      return build.result === null ? undefined : build;
    });
    expect(built.result, JSON.stringify(built.failure)).to.equal("success");
    const [image] = built.images;
    expect(image?.reference).to.match(/^localhost:5000\/acme\/shop@sha256:/);
    expect(await ci.manifest(image?.digest)).to.deep.equal({ status: 200, digest: image?.digest });
  });

  it("serves the dashboard that a stage of the image has built", async () => {
    const page = await fetch("http://127.0.0.1:8080/", { headers: { connection: "close" } });
    expect(page.status).to.equal(200);
    const [script] = /\/assets\/[^"]+\.js/.exec(await page.text()) ?? [];
    const answer = await fetch(`http://127.0.0.1:8080${script}`, { headers: { connection: "close" } });
    expect([answer.status, (await answer.text()).length > 10_000]).to.deep.equal([200, true]);
  });

  it("listens on loopback only, and publishes nothing of the tunnel's agent", async () => {
    const containers = await ci.containers();
    const ports = containers.flatMap(({ NetworkSettings }) => Object.values(NetworkSettings.Ports).flat());
    const bound = ports.filter(Boolean).map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`);
    expect(bound.sort()).to.deep.equal(["127.0.0.1:5000", "127.0.0.1:8080", "127.0.0.1:8088"]);
    const { ngrok } = parse(await ci.compose("--profile", "tunnel", "config")).services;
    expect(ngrok.networks).to.have.all.keys("tunnel");
    expect(ngrok).not.to.have.any.keys("ports", "network_mode");
  });

  it("runs the server without any privilege but the engine's socket", async () => {
    const server = (await ci.containers()).find((each) => serviceOf(each) === "ci-server");
    const { Processes } = await ci.docker.getContainer(server?.Id ?? "").top({ ps_args: "-o pid,uid,gid,args" });
    const found = Processes.map(([, ...columns]: string[]) => columns.join(" "));
    // A health check, which the engine runs in the container, may be there as well.
    expect(found.filter((line: string) => line.includes("main.ts"))).to.deep.equal([
      "1000 1000 tini -- node ci-server/main.ts serve",
      "1000 1000 node ci-server/main.ts serve",
    ]);
    const status = await ci.exec({ service: "ci-server", user: "node", command: ["cat", "/proc/1/status"] });
    expect(status)
      .to.match(/^CapPrm:\t0+$/m)
      .and.to.match(/^CapBnd:\t0+$/m)
      .and.to.match(/^NoNewPrivs:\t1$/m);
    expect(status).to.match(new RegExp(`^Groups:\\t1000 ${socketGroup} ?$`, "m"));
  });

  it("gives each service its own secrets, for its own user, and no other's", async () => {
    const mounts = (await ci.containers()).flatMap((container) =>
      container.Mounts.filter(({ Name }) => Name?.match(/secrets|vault/)).map(
        ({ Name, RW }) => `${serviceOf(container)} ${RW ? "writes" : "reads"} ${Name}`,
      ),
    );
    expect(mounts.filter((line) => !line.startsWith("certs ")).sort()).to.deep.equal([
      "ci-server reads mergedock_ci-server-secrets",
      "postgres reads mergedock_postgres-secrets",
      "registry reads mergedock_registry-secrets",
    ]);
    const command = ["sh", "-c", 'stat -c "%a %u %n" /run/mergedock/* /certs/* 2>/dev/null || true'];
    const list = async (service: string) => (await ci.exec({ service, user: "root", command })).trim().split("\n");
    expect(await list("ci-server")).to.deep.equal([
      "400 1000 /run/mergedock/admin-token",
      "400 1000 /run/mergedock/ca.crt",
      "400 1000 /run/mergedock/database-url",
      "400 1000 /run/mergedock/registry-password",
      "400 1000 /run/mergedock/webhook-secret",
    ]);
    expect(await list("postgres")).to.deep.equal(["400 999 /run/mergedock/postgres-password"]);
    const ofRegistry = ["400 0 /certs/htpasswd", "400 0 /certs/registry.crt", "400 0 /certs/registry.key"];
    expect(await list("registry")).to.deep.equal(ofRegistry);
  });

  describe("when everything is made anew, without a configuration of the user", () => {
    let tokenBefore: string;

    before(async () => {
      tokenBefore = await ci.secret("admin-token");
      await rm(join(ci.configFolder, "mergedock.yml"));
      await ci.compose("down");
      await ci.compose("up", "--detach");
    });

    it("keeps secrets, builds and images", async () => {
      expect(await ci.secret("admin-token")).to.equal(tokenBefore);
      const build = await until(upMs, () => ci.build(built.id).catch(() => undefined));
      expect(build.images).to.deep.equal(built.images);
      const digest = built.images[0]?.digest;
      expect(await ci.manifest(digest)).to.deep.equal({ status: 200, digest });
    });

    it("finds all that it needs, and says that no repository is configured", async () => {
      const ready = await until(upMs, async () => {
        const answer = await fetch("http://127.0.0.1:8080/readyz").catch(() => undefined);
        return answer?.status === 200 ? answer : undefined;
      });
      expect(await ready.json()).to.deep.include({ ready: true });
      const said = await until(upMs, async () => {
        const log = await ci.compose("logs", "--no-color", "ci-server");
        return /^.*repositories .*$/m.exec(log)?.[0];
      });
      expect(said).to.include("none yet");
    });
  });

  describe("when it is taken down with its volumes", () => {
    before(() => ci.compose("down", "--volumes"));

    it("leaves neither container nor volume nor network behind", async () => {
      const rest = (await engineObjects(ci.docker)).filter((thing) => !thing.startsWith("image "));
      expect(rest.sort()).to.deep.equal(["network bridge", "network host", "network none"]);
    });
  });
});
