// A fake receiver of notifications: what a chat or a program of somebody else's would be. It keeps what came, verifies signatures
// as the Standard Webhooks specification says, and answers what it is told to.

import { createHmac, timingSafeEqual } from "node:crypto";
import { EventEmitter, on, once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What it was answered with. */
  readonly status: number;
}

export interface FakeReceiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** The next answers, in order; 200 when there are none. A 302 leads to `/elsewhere`; 0 is none at all. */
  readonly answers: number[];
  /** Waits until so many have come. */
  atLeast(count: number): Promise<readonly Received[]>;
  stop(): Promise<void>;
}

const waitMsMax = 20_000;

export async function startFakeReceiver(): Promise<FakeReceiver> {
  const received: Received[] = [];
  const answers: number[] = [];
  const news = new EventEmitter();
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const status = answers.shift() ?? 200;
    received.push({ path: request.url ?? "", headers: request.headers, body, status });
    if (status !== 0) response.writeHead(status, status === 302 ? { location: `${url}/elsewhere` } : {}).end("ok");
    news.emit("received");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server has an address with a port.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ url, received, answers },
    async atLeast(count) {
      const coming = on(news, "received", { signal: AbortSignal.timeout(waitMsMax) });
      while (received.length < count) {
        await coming.next().catch(() => {
          throw new Error(`${received.length} of ${count} came: ${JSON.stringify(received)}`);
        });
      }
      await coming.return?.();
      return received;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** `key`: the secret's bytes. As the specification's verifiers do: not older than five minutes, compared in constant time. */
export function isSigned({ headers, body }: Received, key: Uint8Array): boolean {
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) =>
    String(headers[`webhook-${name}`]),
  );
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest();
  return (signatures ?? "").split(" ").some((one) => {
    const [version, text = ""] = one.split(",", 2);
    const given = Buffer.from(text, "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}
