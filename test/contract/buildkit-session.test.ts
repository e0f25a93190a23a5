// What BuildKit may ask over a build's session: asked here by hand, as an engine would, for hosts that no engine could reach.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openSession, type Session } from "../../ci-server/adapters/buildkit-session.ts";

/** gRPC's words: OK, NOT_FOUND, UNIMPLEMENTED. */
const codes = { ok: "0", notFound: "5", unimplemented: "12" };

describe("the session of a build", () => {
  let folder: string;
  let listener: Server;
  let engine: ClientHttp2Session;
  let session: Session;
  let headers: Readonly<Record<string, string | readonly string[]>>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "session-"));
    listener = createServer().listen(join(folder, "socket"));
    await once(listener, "listening");
    const accepted: Promise<Socket[]> = once(listener, "connection");
    const opening = openSession(
      async (given) => {
        headers = given;
        return connect(join(folder, "socket"));
      },
      {
        secrets: new Map([["npm_token", Buffer.from([0, 255, 10])]]),
        credentials: new Map([
          ["registry.example.com", { username: "reader", password: "of example" }],
          ["localhost:5000", { username: "ci", password: "of our own" }],
          ["docker.io", { username: "hub", password: "of the hub" }],
        ]),
      },
    );
    const [socket] = await accepted;
    engine = connectHttp2("http://localhost", { createConnection: () => socket as Socket });
    session = await opening;
  });
  afterEach(async () => {
    session.close();
    engine.destroy();
    await new Promise((resolve) => listener.close(resolve));
    await rm(folder, { recursive: true });
  });

  /** One unary call; the message is one string in field 1, or nothing. */
  async function call(path: string, text: string): Promise<{ status: string; message: Buffer }> {
    const field = Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(text)]), Buffer.from(text)]);
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, field.length]), field]);
    const stream = engine.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const pieces: Buffer[] = [];
    let status = "";
    for (const event of ["response", "trailers"] as const)
      stream.on(event, (answer: Record<string, unknown>) => {
        status = String(answer["grpc-status"] ?? status);
      });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.end(frame);
    await once(stream, "close");
    return { status, message: Buffer.concat(pieces).subarray(5) };
  }

  const secret = (id: string) => call("/moby.buildkit.secrets.v1.Secrets/GetSecret", id);
  const credentials = (host: string) => call("/moby.filesync.v1.Auth/Credentials", host);

  it("names to the engine what it serves", () => {
    expect(headers["X-Docker-Expose-Session-Uuid"]).to.equal(session.id);
    expect(headers["X-Docker-Expose-Session-Grpc-Method"]).to.include("/moby.filesync.v1.Auth/Credentials");
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
    expect(await call("/moby.filesync.v1.FileSync/DiffCopy", "/")).to.include({ status: codes.unimplemented });
  });
});
