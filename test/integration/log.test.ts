// The log of a build: what it holds of each line, what it never shows, and that whoever reads it misses nothing.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { pino } from "pino";
import type { LogLine } from "../../ci-server/core/build.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { readInPieces } from "../helpers/read-in-pieces.ts";
import { isSafe } from "../helpers/safe-text.ts";
import { Tester } from "../helpers/tester.ts";

const secret = "s3cr3t/+value-of-the-tests";
const pem = `-----BEGIN KEY-----\n${"MIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n"}-----END KEY-----`;

describe("the log of a build", function () {
  this.timeout(120_000);
  let ci: Tester;
  let folder: string;
  let printed = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "log-"));
    const file = (name: string) => join(folder, name);
    await writeFile(file("tok"), `${secret}\n`);
    await writeFile(file("key"), pem);
    await writeFile(file("pin"), "123");
    const write = (text: string) => {
      printed += text;
    };
    const log = pino({ level: "trace" }, { write });
    ci = await Tester.start({
      rules: {
        secrets: { tok: file("tok"), key: file("key"), pin: file("pin"), other: file("missing") },
        services: [{ name: "shop", secrets: ["tok", "key", "pin"] }],
      },
      limits: { trouble_seconds_max: 0, attempts_max: 1 },
      log,
    });
  });
  afterEach(() => removeImages(ci.lab));
  after(async () => {
    await ci?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** These lines on top of the sample application's busybox; the first differs each time, so that nothing comes from the cache. */
  function dockerfile(...steps: string[]): string {
    const install = 'RUN ["/bin/busybox", "--install", "-s", "/bin"]';
    return [
      "FROM scratch AS tools",
      "COPY busybox /bin/busybox",
      install,
      `ENV RUN_OF=${randomUUID()}`,
      ...steps,
      "",
    ].join("\n");
  }

  async function linesOf(...steps: string[]): Promise<{ id: number | null; lines: LogLine[] }> {
    const { verdict } = await ci.merge({ files: { Dockerfile: dockerfile(...steps) } });
    await ci.finished(verdict.build);
    return { id: verdict.build, lines: await ci.lines(verdict.build) };
  }

  it("has for each line its number, time, stage, image, step and stream", async () => {
    const startedMs = Date.now();
    const { id, lines } = await linesOf("RUN echo out && sleep 0.2 && echo err >&2");
    expect(lines.map(({ seq }) => seq)).to.deep.equal(lines.map((_line, index) => index + 1));
    const step = lines.find(({ text }) => text.includes("RUN echo out"))?.step;
    const shown = (text: string) => lines.find((line) => line.text === text);
    expect(shown(`#${step} out`)).to.include({ stage: "build", service: "shop", stream: "stdout", step });
    expect(shown(`#${step} err`)).to.include({ stage: "build", service: "shop", stream: "stderr", step });
    expect(lines[0]).to.include({ stage: "fetch", service: null, stream: null, step: null });
    for (const { at } of lines) expect(Date.parse(String(at))).to.be.within(startedMs, Date.now());
    const text = await (await ci.api(`/builds/${id}/log`)).text();
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(7)),
    ).to.deep.equal(lines.map((line) => line.text));
  });

  it("is JSON line by line for whoever accepts that, from any line on, and text for all others", async () => {
    const { id, lines } = await linesOf("RUN seq 1 20");
    const asked = (accept: string, query = "") => ci.api(`/builds/${id}/log${query}`, { headers: { accept } });
    const json = await asked("application/x-ndjson", "?after=7");
    expect(json.headers.get("content-type")).to.equal("application/x-ndjson");
    const rest = (await json.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rest).to.deep.equal(lines.slice(7));
    for (const accept of ["*/*", "text/plain", "text/html,*/*;q=0.8"]) {
      const text = await asked(accept);
      expect(text.headers.get("content-type")).to.equal("text/plain; charset=utf-8");
      expect((await text.text()).trimEnd().split("\n")).to.have.length(lines.length);
    }
    expect((await ci.api(`/builds/${id}/log?format=xml`)).status).to.equal(400);
    expect(await ci.lines(id, "&after=100000")).to.deep.equal([]);
  });

  it("T23: does not show a secret that a step prints in two writes, on either stream, while others print", async () => {
    const [head, tail] = [secret.slice(0, 9), secret.slice(9)];
    const print = (to: string) => `printf 'a ${head}'${to}; sleep 0.7; printf '${tail} b\\n'${to}`;
    const { lines } = await linesOf(
      `RUN ${print("")}; ${print(" >&2")}; (${print("")}) & (${print(" >&2")}); wait`,
      "FROM scratch AS one",
      "COPY --from=tools /bin /bin",
      `RUN echo ${randomUUID()} && ${print("")}`,
      "FROM scratch AS two",
      "COPY --from=tools /bin /bin",
      `RUN echo ${randomUUID()} && ${print(" >&2")}`,
      "FROM scratch",
      "COPY --from=tools /bin /c",
      "COPY --from=one /bin /a",
      "COPY --from=two /bin /b",
    );
    const shown = lines.map(({ text }) => text).join("\n");
    expect(
      lines.filter(({ stream, text }) => stream !== null && text.endsWith(" a *** b")),
      shown,
    ).to.have.length(6);
    expectHidden(lines);
  });

  it("T23: does not show a secret that has several lines, is encoded, or stands in a step's own words", async () => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const { id, lines } = await linesOf(
      `RUN echo 'plain ${secret}' && echo 'basic ${base64(`user:${secret}`)}' && echo 'url ${encodeURIComponent(secret)}'`,
      `RUN printf '%s\\n' ${pem
        .split("\n")
        .map((line) => `'${line}'`)
        .join(" ")}`,
      `RUN printf '%s' '${base64(pem)}' | fold -w 40 && echo`,
      `RUN echo ${secret} && exit 3`,
    );
    expectHidden(lines);
    const build = await ci.build(id);
    expect(build.result).to.equal("failure");
    expect(build.failure?.message).to.contain("echo *** && exit 3");
    expect(build.failure?.step?.name).to.match(/RUN echo \*\*\* && exit 3$/);
    expect(build.failure?.lastLines).to.deep.equal(["***"]);
    expectHidden([JSON.stringify(build), printed]);
    expect(printed).to.contain("echo *** && exit 3");
  });

  it("says which secret is too short to be hidden", async () => {
    const { lines } = await linesOf();
    expect(lines.map(({ text }) => text)).to.include(
      'the secret "pin" is too short to be hidden: where a step prints it, it stands in this log',
    );
  });

  it("T23: does not show the registry's password", async () => {
    const { password, username } = ci.lab.account;
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    const { lines } = await linesOf(`RUN echo '${password}' && echo '${auth}' && exit 1`);
    expect(JSON.stringify(lines)).not.to.contain(password).and.not.to.contain(auth);
    expect(lines.filter(({ text }) => text.includes("***")).length).to.be.at.least(3);
  });

  it("T24: has nothing of the server to show: a step sees neither its environment nor its credentials", async () => {
    process.env.MERGEDOCK_CANARY = "canary-of-the-tests";
    try {
      const look = String.raw`find / -xdev \( -type s -o -name 'config.json' -o -name '*.sock' \)`;
      const { lines } = await linesOf(`RUN env | cut -d= -f1 | sort && ${look} && exit 1`);
      const names = lines.flatMap(({ stream, text }) => (stream === "stdout" ? [text.replace(/^#\d+ /, "")] : []));
      expect(names).to.deep.equal(["HOME", "PATH", "PWD", "RUN_OF", "SHLVL"]);
    } finally {
      delete process.env.MERGEDOCK_CANARY;
    }
  });

  it("T33: keeps colours, and nothing else that a terminal obeys", async () => {
    const script = String.raw`printf '\033[32mgreen\033[0m \033]8;;javascript:alert(1)\007link\033]8;;\007\033[2J\n10%%\r100%%\n\302\233bad\n\000\n'`;
    const { lines } = await linesOf(`RUN ${script}`, "RUN head -c 40000 /dev/urandom; echo; exit 1");
    const said = lines.filter(({ stream }) => stream === "stdout").map(({ text }) => text.replace(/^#\d+ /, ""));
    expect(said.slice(0, 3)).to.deep.equal(["\u001b[32mgreen\u001b[0m link", "100%", "ad"]);
    for (const { text } of lines) expect(isSafe(text), JSON.stringify(text)).to.equal(true);
    expect(said.length).to.be.greaterThan(50);
  });

  it("loses and doubles nothing for a reader whose connection breaks again and again", async () => {
    const print = "for i in $(seq 1 400); do echo line $i; usleep 4000; done";
    const { verdict } = await ci.merge({ files: { Dockerfile: dockerfile(`RUN ${print}`) } });
    const readers = await Promise.all(
      [3, 40, 111].map((most) => readInPieces((query) => ci.api(`/builds/${verdict.build}/log?${query}`), most)),
    );
    const whole = await ci.lines(verdict.build);
    expect(whole.filter(({ stream }) => stream === "stdout")).to.have.length(400);
    for (const { lines, connections } of readers) {
      expect(lines).to.deep.equal(whole);
      expect(connections).to.be.greaterThan(4);
    }
  });

  function expectHidden(told: readonly (LogLine | string)[]): void {
    const text = told.map((one) => (typeof one === "string" ? one : one.text)).join("\n");
    const key = pem.split("\n");
    const encoded = [0, 1, 2].map((at) =>
      Buffer.from(`${"x".repeat(at)}${secret}`)
        .toString("base64")
        .slice(4, -4),
    );
    for (const part of [secret, encodeURIComponent(secret), ...key, ...encoded])
      expect(text, text).not.to.contain(part);
    // The build's own files are none of the log's: what stands in them is here for the test to print it.
    expect(text).not.to.contain(Buffer.from(pem).toString("base64").slice(0, 20));
  }
});
