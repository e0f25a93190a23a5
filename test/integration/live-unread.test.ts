// Viewers that do not read: what they cost the server is measured on a process of its own.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect } from "chai";
import { openStream } from "../helpers/event-stream.ts";
import { viewLog } from "../helpers/log-viewer.ts";
import { ServerTester } from "../helpers/server-tester.ts";
import { adminToken } from "../helpers/tester.ts";

const mib = 1024 * 1024;
const viewers = 150;
const chunks = 100;
const chunkLines = 50;
const lineChars = 1_000;

describe("viewers that do not read", function () {
  this.timeout(60_000);
  let server: ServerTester;
  let id: number;
  before(async () => {
    server = await ServerTester.start();
    const [build] = await server.query<{ id: string }>(
      "insert into build (repository, trigger, attempts) values ('acme/shop', 'manual', 1) returning id",
    );
    id = Number(build?.id);
  });
  after(() => server?.stop());

  /** As a worker would store them. */
  async function write(first: number, count: number): Promise<void> {
    const line = `jsonb_build_object('at', now(), 'stage', 'build', 'text', repeat('x', ${lineChars}))`;
    await server.query(
      `insert into log_chunk (build_id, seq, lines) select ${id}, ${first} + n * ${chunkLines},
         (select jsonb_agg(${line}) from generate_series(1, ${chunkLines})) from generate_series(0, ${count - 1}) n`,
    );
    await server.query(`select pg_notify('mergedock_build', '${id}')`);
  }

  function view(): ReturnType<typeof viewLog> {
    const headers = { authorization: `Bearer ${adminToken}` };
    return viewLog((lastId) => {
      return openStream({
        url: `${server.apiUrl}/builds/${id}/events`,
        headers,
        ...(lastId !== undefined && { lastId }),
      });
    });
  }

  it("cost nothing, delay nobody, and have everything when they read again", async () => {
    const lines = chunks * chunkLines;
    await write(1, chunks);
    const sockets: Socket[] = [];
    const reading = Array.from({ length: 5 }, () => view());
    const grown = await server.memoryGrowth(async () => {
      for (let index = 0; index < viewers; index += 1) sockets.push(await unread(server.apiUrl, id));
      // What they are sent and do not take would be 800 MiB by now.
      await write(lines + 1, 1);
      await server.query(`update build set result = 'success', finished_at = now() where id = ${id}`);
      await server.query(`select pg_notify('mergedock_build', '${id}')`);
      for (const { seqs, result } of await Promise.all(reading)) {
        expect(result).to.equal("success");
        expect(seqs).to.have.length(lines + chunkLines);
      }
    });
    expect(grown).to.be.below(150 * mib);
    const [first = sockets[0], ...others] = sockets;
    if (first === undefined) throw new Error("there is no viewer");
    for (const other of others) other.destroy();
    expect(seqsOf(await readUntilEnd(first))).to.deep.equal(
      Array.from({ length: lines + chunkLines }, (_none, index) => index + 1),
    );
  });
});

/** Asks for the stream and reads nothing of it. */
async function unread(apiUrl: string, buildId: number): Promise<Socket> {
  const { hostname, port, pathname } = new URL(`${apiUrl}/builds/${buildId}/events`);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.pause();
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`);
  return socket;
}

async function readUntilEnd(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1");
  socket.resume();
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes("event: end")) break;
  }
  return text;
}

/** In their order; the pieces of a chunked answer begin between events. */
function seqsOf(text: string): number[] {
  return [...text.matchAll(/"seq":(\d+),/g)].map(([, seq]) => Number(seq));
}
