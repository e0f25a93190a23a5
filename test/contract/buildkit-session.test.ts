// What BuildKit may ask over a build's session: asked here by hand, as an engine would, for hosts that no engine could reach.

import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openContext } from "../../ci-server/adapters/build-context.ts";
import { diffCopy, encodePacket } from "../../ci-server/adapters/buildkit-filesync.ts";
import { openAsEngine, type SessionAnswer, type SessionEngine } from "../helpers/session-engine.ts";

/** gRPC's words: OK, UNKNOWN, NOT_FOUND, UNIMPLEMENTED. */
const codes = { ok: "0", unknown: "2", notFound: "5", unimplemented: "12" };

describe("the session of a build", () => {
  let engine: SessionEngine;
  beforeEach(async () => {
    engine = await openAsEngine({
      secrets: new Map([["npm_token", Buffer.from([0, 255, 10])]]),
      credentials: new Map([
        ["registry.example.com", { username: "reader", password: "of example" }],
        ["localhost:5000", { username: "ci", password: "of our own" }],
        ["docker.io", { username: "hub", password: "of the hub" }],
      ]),
      context: null,
    });
  });
  afterEach(() => engine.close());

  /** One unary call; the message is one string in field 1, or nothing. */
  function call(path: string, text: string): Promise<SessionAnswer> {
    return engine.call(path, [Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(text)]), Buffer.from(text)])]);
  }

  const secret = (id: string) => call("/moby.buildkit.secrets.v1.Secrets/GetSecret", id);
  const credentials = (host: string) => call("/moby.filesync.v1.Auth/Credentials", host);

  it("names to the engine what it serves", () => {
    expect(engine.headers["X-Docker-Expose-Session-Uuid"]).to.equal(engine.session.id);
    expect(engine.headers["X-Docker-Expose-Session-Grpc-Method"]).to.include("/moby.filesync.v1.Auth/Credentials");
  });

  it("T23: gives the secrets of the recipe and says of others that there are none", async () => {
    expect(await secret("npm_token")).to.deep.equal({ status: codes.ok, message: Buffer.from([0x0a, 3, 0, 255, 10]) });
    for (const id of ["npm_toke", "NPM_TOKEN", "../npm_token", "", "constructor"])
      expect(await secret(id), id).to.include({ status: codes.notFound });
  });

  for (const [host, password] of [
    ["registry.example.com", "of example"],
    ["localhost:5000", "of our own"],
    ["https://index.docker.io/v1/", "of the hub"],
    ["registry-1.docker.io", "of the hub"],
  ] as const) {
    it(`gives the credentials of ${host}`, async () => {
      expect((await credentials(host)).message.toString("latin1")).to.match(new RegExp(`${password}$`));
    });
  }

  for (const host of [
    "example.com",
    "evil-registry.example.com",
    "registry.example.com.evil",
    "registry.example.com:444",
  ])
    it(`T24: gives none to ${host}`, async () => {
      expect(await credentials(host)).to.deep.equal({ status: codes.ok, message: Buffer.alloc(0) });
    });

  it("says that it lives, and serves nothing else", async () => {
    expect(await call("/grpc.health.v1.Health/Check", "")).to.deep.equal({ status: "0", message: Buffer.from([8, 1]) });
    expect(await call(diffCopy, "/")).to.include({ status: codes.unimplemented });
  });
});

describe("the context in the session of a build", () => {
  let folder: string;
  let engine: SessionEngine;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "context-"));
    for (const file of ["Dockerfile", "a", "secret"]) await writeFile(join(folder, file), file);
    await writeFile(join(folder, ".dockerignore"), "secret\n");
    const files = await openContext({ folder, context: ".", dockerfile: "Dockerfile" });
    engine = await openAsEngine({ secrets: new Map(), credentials: new Map(), context: { files, key: "k" } });
  });
  afterEach(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });

  /** Field 3 is the place of a file in the list. */
  const ask = (...ids: number[]) =>
    engine.call(diffCopy, [...ids.map((id) => encodePacket({ type: 1, id })), encodePacket({ type: 3 })], {
      "dir-name": "context",
    });
  const listed = async (headers: Record<string, string>) =>
    (await engine.call(diffCopy, [encodePacket({ type: 3 })], { "dir-name": "context", ...headers })).message.toString(
      "latin1",
    );

  it("names the place where the engine keeps it", () => {
    expect(engine.headers["X-Docker-Expose-Session-Sharedkey"]).to.equal("k");
    expect(engine.headers["X-Docker-Expose-Session-Grpc-Method"]).to.include(diffCopy);
  });

  it("T18: is the list of files that .dockerignore leaves, and nothing else can be asked for", async () => {
    const listed = await ask();
    expect(listed.status).to.equal(codes.ok);
    expect(listed.message.toString("latin1")).to.contain("Dockerfile").and.not.to.contain("secret");
    for (const id of [3, 4, 1_000_000]) expect(await ask(id), String(id)).to.include({ status: codes.unknown });
  });

  it("T15: is not read through a link that has taken the place of a file since it was listed", async () => {
    await rm(join(folder, "a"));
    await symlink("/etc/passwd", join(folder, "a"));
    const answer = await ask(2);
    expect(answer.message.toString("latin1")).not.to.contain("root:");
    expect(answer.status).to.equal(codes.unknown);
  });

  it("is all of it where names come encoded, as newer engines send those that are not ASCII", async () => {
    expect(await listed({ followpaths: "%C3%BC, b", "followpaths-encoded": "1" })).to.contain("Dockerfile");
  });

  it("has the ignore file for who asks what is ignored, and not for a COPY of it that is ignored", async () => {
    expect(await listed({ followpaths: ".dockerignore" })).to.contain(".dockerignore");
    expect(await listed({ followpaths: "secret", "exclude-patterns": "secret" })).not.to.contain("secret");
    expect(await listed({ followpaths: "Dockerfile", "exclude-patterns": "secret" })).to.contain("Dockerfile");
  });

  it("ends where the engine gives up", async () => {
    const packets = [encodePacket({ type: 4, data: Buffer.from("no room") })];
    expect(await engine.call(diffCopy, packets, { "dir-name": "context" })).to.include({ status: codes.unknown });
  });
});
