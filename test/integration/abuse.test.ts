// What strangers, and those who hold the secret, may do to a server by what they send: each threat at its full size.

import { request } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { type Answered, ServerTester, sign } from "../helpers/server-tester.ts";
import { adminToken, type Verdict } from "../helpers/tester.ts";

const mebibyte = 1024 * 1024;
const ping = JSON.stringify({ zen: "Keep it logically awesome.", hook_id: 1 });

describe("a server that is abused", function () {
  this.timeout(60_000);
  let server: ServerTester;
  before(async () => {
    server = await ServerTester.start({ logLevel: "trace" });
  });
  after(() => server?.stop());

  it("T4: builds a merge once, though its body comes 100 times under new ids, and never as another event", async () => {
    const body = mergeOf(1);
    const asPush = await Promise.all(Array.from({ length: 10 }, () => server.send({ body, event: "push" })));
    expect(asPush.map(({ status }) => status)).to.deep.equal(Array(10).fill(202));
    expect(await server.count("build")).to.equal(0);
    const answers = await Promise.all(Array.from({ length: 100 }, () => server.send({ body })));
    const verdicts = answers.map((answer) => verdictOf(answer));
    expect(verdicts.filter(({ verdict }) => verdict === "build")).to.have.length(1);
    expect(new Set(verdicts.map(({ build }) => build)).size).to.equal(1);
    expect(await server.count("build")).to.equal(1);
  });

  it("T5: grows by less than 100 MB under 50 bodies of 25 MiB at once", async () => {
    const body = Buffer.alloc(25 * mebibyte, "x");
    const counts: Record<string, number> = {};
    const grownBytes = await server.memoryGrowth(async () => {
      const statuses = await Promise.all(Array.from({ length: 50 }, () => upload(body)));
      for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
    });
    expect(grownBytes, JSON.stringify(counts)).to.be.lessThan(100_000_000);
    expect(Object.keys(counts), JSON.stringify(counts)).to.include.members(["401", "503"]);
    expect((await server.send({ body: ping, event: "ping" })).status).to.equal(200);
  });

  it("T6: closes 400 connections that drip within 11 s, and answers honest ones within 100 ms meanwhile", async () => {
    const { port } = new URL(server.webhookUrl);
    const startedMs = performance.now();
    const dripping = Array.from({ length: 400 }, () => drip(Number(port)));
    await Promise.all(dripping.map(({ opened }) => opened));
    let isOver = false;
    const closed = Promise.all(dripping.map((one) => one.closed)).then(() => {
      isOver = true;
    });
    const honest: Answered[] = [];
    while (!isOver) {
      honest.push(await server.send({ body: ping, event: "ping" }));
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
    expect(performance.now() - startedMs).to.be.lessThan(11_000);
    expect(honest.filter(({ status }) => status !== 200)).to.deep.equal([]);
    expect(honest.length).to.be.greaterThan(20);
    // The machine may have other things to do for a moment.
    const slow = honest.filter(({ ms }) => ms >= 100);
    expect(slow.length, `${slow.map(({ ms }) => ms)}`).to.be.lessThan(honest.length / 20);
  });

  it("T7: refuses 10 KB that would inflate to 1 GB, without inflating them", async () => {
    const once = Buffer.concat(Array(1024).fill(gzipSync(Buffer.alloc(mebibyte))));
    const body = gzipSync(once);
    expect(body.length).to.be.lessThan(10_000);
    const grownBytes = await server.memoryGrowth(async () => {
      for (const encoding of ["gzip", "gzip, gzip", "deflate", "br", "identity"])
        expect((await server.send({ body, headers: { "content-encoding": encoding } })).status, encoding).to.equal(415);
    });
    expect(grownBytes).to.be.lessThan(10_000_000);
  });

  it("T9: keeps a secret that was sent in a header out of every log line and every row", async () => {
    const secret = "dGhlIHNlY3JldCBvZiBhbm90aGVyIGhvb2s";
    const headers = { "x-github-encoded-secret": secret, authorization: `Bearer ${secret}`, cookie: secret };
    const answers = [
      await server.send({ body: mergeOf(2), headers }),
      await server.send({ body: "{", headers }),
      await server.send({ body: ping, headers: { ...headers, "x-hub-signature-256": "sha256=0" } }),
      await server.send({ body: ping, headers: { ...headers, "x-github-delivery": "" } }),
    ];
    expect(answers.map(({ status }) => status)).to.deep.equal([202, 400, 401, 400]);
    await server.printed(answers[0]?.guid ?? "");
    expect(answers.map(({ body }) => body).join() + server.output).to.not.contain(secret);
    const all = await everyRow(server);
    expect(all).to.contain(answers[0]?.guid).and.not.contain(secret);
    expect(all).to.not.contain(Buffer.from(secret).toString("hex"));
  });

  /** Sends it with a signature that has the right form and is wrong; the status, or how the connection broke. */
  function upload(body: Buffer): Promise<string> {
    const signature = sign(body).replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    const headers = { "content-length": body.length, "x-hub-signature-256": signature };
    return new Promise((resolve) => {
      const sending = request(server.webhookUrl, { agent: false, method: "POST", headers });
      sending.on("response", (response) => {
        response.resume();
        response.once("close", () => resolve(String(response.statusCode)));
      });
      // Whoever is refused while he sends may see the connection end before the answer.
      sending.on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      sending.end(body);
    });
  }
});

describe("a server that is sent nonsense", function () {
  this.timeout(120_000);
  let server: ServerTester;
  before(async () => {
    // Lets the process itself say what its objects inherit.
    const probe = `process.on("SIGUSR2",()=>console.log("inherited:"+Object.getOwnPropertyNames(Object.prototype)+"."))`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(probe)}` };
    server = await ServerTester.start({ env, logLevel: "error" });
  });
  after(() => server?.stop());

  it("T8: answers 10,000 signed bodies of any kind with 2xx or 4xx, and no prototype is touched", async () => {
    const seed = Date.now();
    const sent = fc.sample(nonsense, { numRuns: 10_000, seed });
    const statuses: Record<number, number> = {};
    await inParallel(sent, 32, async (one) => {
      const { status, body } = await server.send(one);
      statuses[status] = (statuses[status] ?? 0) + 1;
      const shown = () => `seed ${seed}: ${one.event} ${JSON.stringify(String(one.body).slice(0, 500))}: ${body}`;
      if (Math.floor(status / 100) !== 2 && Math.floor(status / 100) !== 4) expect.fail(shown());
    });
    expect(statuses[202], JSON.stringify(statuses)).to.be.greaterThan(1_000);
    expect(statuses[400], JSON.stringify(statuses)).to.be.greaterThan(1_000);
    server.signal("SIGUSR2");
    await server.printed("inherited:");
    const names = Object.getOwnPropertyNames(Object.prototype);
    expect(/inherited:(.*)\./.exec(server.output)?.[1]).to.equal(`${names}`);
    expect(server.isAlive).to.equal(true);
  });

  it("T8: answers odd request lines and headers with 2xx or 4xx, or hangs up, on both listeners", async () => {
    const seed = Date.now();
    const sent = [...oddRequests, ...fc.sample(oddRequest, { numRuns: 1_000, seed })];
    for (const url of [server.webhookUrl, server.apiUrl]) {
      await inParallel(sent, 16, async (text) => {
        const answer = await sendRaw(Number(new URL(url).port), text);
        if (answer !== "") expect(answer, `seed ${seed}: ${JSON.stringify(text)}`).to.match(/^HTTP\/1\.1 [24]\d\d /);
      });
      expect(await sendRaw(Number(new URL(url).port), "GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n")).to.contain(" 400 ");
    }
    expect((await server.send({ body: ping, event: "ping" })).status).to.equal(200);
    expect(server.output).to.not.contain('"level":50');
  });
});

describe("a server that is flooded", function () {
  this.timeout(120_000);
  const count = 10_000;
  const ledgerBytesMax = 4 * mebibyte;
  const guids: string[] = [];
  let server: ServerTester;
  before(async () => {
    server = await ServerTester.start({ concurrency: "supersede", logLevel: "warn" });
  });
  after(() => server?.stop());

  it("T10: takes 10,000 merges of one repository, and lets the newest supersede all that wait", async () => {
    const numbers = Array.from({ length: count }, (_none, index) => index + 1);
    await inParallel(numbers, 32, async (number) => {
      const answer = await server.send({ body: mergeOf(number) });
      expect(answer.status, answer.body).to.equal(202);
      guids.push(answer.guid);
    });
    expect(await server.count("delivery")).to.equal(count);
    // The newest, and where a worker was quick one that it has begun.
    expect(await server.count("build where result is null")).to.be.within(1, 2);
    expect(await server.count("build where failure ->> 'message' like 'superseded by #%'")).to.be.at.least(count - 2);
    // Nothing stands before it in the queue.
    expect(await server.count("pgboss.job where state < 'active'")).to.be.at.most(2);
  });

  describe("and has limits for its ledger", () => {
    before(async () => {
      await server.restart({ limits: { ledger_bytes_max: ledgerBytesMax }, logLevel: "info" });
      await server.printed("old deliveries removed");
    });

    it("T10: keeps no more of the flood than that, and says so of what is gone", async () => {
      const [ledger] = await server.query<{ bytes: number; rows: number }>(
        "select sum(stored_bytes)::int as bytes, count(*)::int as rows from delivery",
      );
      expect(ledger?.bytes).to.be.within(ledgerBytesMax * 0.9, ledgerBytesMax);
      expect(ledger?.rows).to.be.lessThan(count / 2);
      for (const [path, method] of [
        ["", "GET"],
        ["/body", "GET"],
        ["/replay", "POST"],
      ] as const) {
        const gone = await server.api(`/deliveries/${guids[0]}${path}`, { method });
        expect(gone.status).to.equal(404);
        const { detail } = (await gone.json()) as { detail: string };
        expect(detail).to.contain(`deliveries are kept for 90 days and up to ${ledgerBytesMax} bytes in all`);
      }
      expect((await server.api(`/deliveries/${guids.at(-1)}`)).status).to.equal(200);
      const again = verdictOf(await server.send({ body: mergeOf(1) }));
      expect(again).to.include({ verdict: "skip" });
      expect(again.reason).to.match(/it is build \d+ already$/);
    });
  });
});

/** The delivery of a merge, another one for each number. */
const template = JSON.stringify(
  closedPullRequest({
    repository: { name: "acme/shop", defaultBranch: "main" },
    cloneUrl: "https://forge.test/acme/shop.git",
    pullRequest: {
      ...{ number: 987_654_321, title: "t", branch: "b", base: "main" },
      ...{ baseSha: "b".repeat(40), headSha: "c".repeat(40), commits: ["c"] },
    },
    merge: { mergeCommitSha: "a".repeat(40) },
  }),
);

function mergeOf(number: number): string {
  const sha = number.toString(16).padStart(40, "0");
  return template.replaceAll("987654321", String(number)).replaceAll("a".repeat(40), sha);
}

function verdictOf({ body }: Answered): Verdict {
  return JSON.parse(body) as Verdict; // what a 202 holds
}

const oddValue = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    1,
    -1,
    1e308,
    2 ** 53,
    "",
    "\0",
    "\ud800",
    [],
    {},
    true,
    "__proto__",
    "a".repeat(70_000),
  ),
  fc.jsonValue(),
);

/** A merge's delivery with another value in one place, or in a place that it should not have. */
const bentMerge = fc
  .tuple(
    fc.constantFrom(
      ...["action", "number", "repository", "repository.id", "repository.full_name", "pull_request", "__proto__"],
      ...["pull_request.number", "pull_request.merged", "pull_request.title", "pull_request.base.ref", "constructor"],
      ...["pull_request.__proto__", "pull_request.merge_commit_sha", "pull_request.user", "repository.toString"],
    ),
    oddValue,
  )
  .map(([place, value]) => bend(place.split("."), value));

/** Put into the text, since an assignment to __proto__ would not be seen in it. */
function bend(place: readonly string[], value: unknown): string {
  const bent = JSON.parse(template);
  const [last = ""] = place.slice(-1);
  const holder = place.slice(0, -1).reduce((at, name) => at[name], bent);
  delete holder[last];
  holder["\u0001"] = value;
  return JSON.stringify(bent).replace('"\\u0001":', `${JSON.stringify(last)}:`);
}

const nonsense = fc.record({
  body: fc.oneof(
    fc.constantFrom("1", "null", "[]", '""', "{", "", "NaN", '{"__proto__":{"merged":true}}', "\ufeff{}"),
    fc.constantFrom("[", '{"a":').map((open) => open.repeat(20_000)),
    fc.constantFrom(10, 5_000, 100_000).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
    fc.json(),
    fc.uint8Array({ maxLength: 300 }),
    { arbitrary: bentMerge, weight: 3 },
  ),
  event: fc.oneof(
    { arbitrary: fc.constant("pull_request"), weight: 3 },
    fc.constantFrom("ping", "push", "__proto__", "constructor", "toString", "9", "_"),
  ),
  headers: fc.constantFrom<Record<string, string>>(
    ...[{}, {}, {}, {}],
    { "content-type": "application/x-www-form-urlencoded" },
    { "content-type": "application/json; charset=latin1" },
    { "content-type": "text/plain" },
    { "x-github-hook-id": "__proto__" },
    { "x-github-hook-id": "\u00ff".repeat(500), "user-agent": "" },
    { "x-hub-signature-256": "sha256=" },
  ),
});

const oddRequests = [
  "GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST http://[/webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
  "GET //[ HTTP/1.1\r\nHost: [\r\n\r\n",
  "GET /api/v1/builds?limit[]=%00&limit=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
  `GET /api/v1/deliveries/a%00b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`,
  `POST /api/v1/deliveries/%00/replay HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`,
  "GET /api/v1/deliveries/%E0%A4%A HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
  "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
  "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nExpect: 200-maybe\r\nContent-Length: 0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\0\0\0\0\r\n\r\n",
];

const oddText = fc.string({ unit: "binary-ascii", maxLength: 40 }).map((text) => text.replaceAll(/[\r\n]/g, ""));
const oddRequest = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "BREW"),
    fc.constantFrom("", "/", "//", "http://", "/webhooks/github", "/api/v1/builds/", "/api/v1/deliveries/", "/healthz"),
    fc.oneof(oddText, oddText.map(encodeURIComponent)),
    fc.constantFrom("host", "accept", "content-type", "x-github-delivery", "x-hub-signature-256", "cookie"),
    oddText,
  )
  .map(
    ([method, path, rest, name, value]) =>
      `${method} ${path}${rest} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${adminToken}\r\n${name}: ${value}\r\nContent-Length: 0\r\n\r\n`,
  );

/** What comes back until the other side has answered or hung up. */
function sendRaw(port: number, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
    if (answer.includes("\r\n\r\n")) socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => resolve(answer));
  return promise;
}

async function inParallel<T>(all: readonly T[], width: number, work: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values();
  const turns = Array.from({ length: width }, async () => {
    for (const one of rest) await work(one);
  });
  await Promise.all(turns);
}

/** Sends a header a byte at a time until the server closes the connection. */
function drip(port: number): { readonly opened: Promise<void>; readonly closed: Promise<void> } {
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const socket = connect(port, "127.0.0.1", () => {
    socket.write("POST /webhooks/github HTTP/1.1\r\nX-Slow: ");
    opened.resolve();
  });
  const timer = setInterval(() => socket.write("x"), 500);
  socket.on("error", () => undefined);
  socket.resume();
  socket.once("close", () => {
    clearInterval(timer);
    closed.resolve();
  });
  return { opened: opened.promise, closed: closed.promise };
}

/** All columns of all rows of all tables, as text. */
async function everyRow(server: ServerTester): Promise<string> {
  const tables = await server.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  );
  const rows = [];
  for (const { name } of tables)
    rows.push(...(await server.query<{ text: string }>(`select t::text as text from ${name} t`)));
  return rows.map(({ text }) => text).join("\n");
}
