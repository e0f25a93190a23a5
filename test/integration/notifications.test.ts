// Who is told of real builds: a chat, a program and people by e-mail, each on the real protocol; and what becomes of those that
// cannot be reached.

import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type FakeMailServer, startFakeMailServer } from "../fakes/mail-server.ts";
import { type FakeReceiver, isSigned, type Received, startFakeReceiver } from "../fakes/receiver.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { Tester } from "../helpers/tester.ts";

const app = (message: string) => ({
  Dockerfile: 'FROM scratch\nCOPY message.txt /\nCMD ["/message.txt"]\n',
  "message.txt": message,
});
const brokenApp = {
  Dockerfile:
    'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "echo the tests fail; exit 7"]\n',
};

interface Entry {
  readonly id: string;
  readonly channel: string;
  readonly about: string;
  readonly state: string;
  readonly attempts: number;
  readonly problem: string | null;
  readonly buildId: number;
}

interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: {
    readonly context: { readonly id: string };
    readonly subject: { readonly content: object };
    readonly customData: {
      readonly occasion: string;
      readonly build: { readonly id: number; readonly result: string };
    };
  };
}

describe("notifications", function () {
  this.timeout(60_000);
  const key = randomBytes(32);
  const logged: string[] = [];
  const lines = new EventEmitter();
  let folder: string;
  let ci: Tester;
  let chat: FakeReceiver;
  let hook: FakeReceiver;
  let mail: FakeMailServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "notified-"));
    [chat, hook] = [await startFakeReceiver(), await startFakeReceiver()];
    mail = await startFakeMailServer(folder, { user: "ci", pass: "the mailbox's password" });
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const secret_file = await file("hook-secret", `whsec_${key.toString("base64")}\n`);
    const all = ["success", "failure"];
    const smtp = { host: "localhost", port: mail.port, username: "ci", ca_file: mail.caFile };
    const notifications = [
      { name: "chat", type: "slack", url_file: await file("chat-url", `${chat.url}/services/T0/secret\n`), on: all },
      { name: "hook", type: "webhook", url: `${hook.url}/events`, secret_file, on: all, repositories: ["ACME/*"] },
      {
        name: "team",
        type: "email",
        on: ["fixed", "broken"],
        from: "ci@example.com",
        to: ["team@example.com"],
        smtp: { ...smtp, password_file: await file("mail-password", "the mailbox's password\n") },
      },
      {
        ...{ name: "untrusted", type: "email", on: ["broken"], from: "ci@example.com", to: ["team@example.com"] },
        smtp: { host: "localhost", port: mail.port },
      },
      { name: "gone", type: "slack", url: `http://127.0.0.1:${await freePort()}/`, on: ["success"] },
      { name: "others", type: "slack", url: `${chat.url}/never`, on: [...all, "broken"], repositories: ["other/*"] },
    ];
    ci = await Tester.start({
      onLog(line) {
        logged.push(line);
        lines.emit("line", line);
      },
      limits: { notification_attempts_max: 3 },
      file: { public_url: "https://ci.example.com/", notifications },
    });
  });
  afterEach(() => removeImages(ci.lab));
  after(async () => {
    await ci?.stop();
    await Promise.all([chat, hook, mail].map((one) => one?.stop()));
    await rm(folder, { recursive: true, force: true });
  });

  async function list(query = ""): Promise<Entry[]> {
    const answer = await ci.api(`/notifications?limit=100${query}`);
    return ((await answer.json()) as { notifications: Entry[] }).notifications;
  }

  /** The line of the log that says so. */
  async function givenUp(channel: string): Promise<string> {
    const find = () => logged.find((one) => one.includes("it is not tried again") && one.includes(`"${channel}"`));
    for (let line = find(); ; line = find()) {
      if (line !== undefined) return line;
      await once(lines, "line");
    }
  }

  const eventOf = ({ body }: Received) => JSON.parse(body) as CloudEvent;

  it("tell a chat and a program of an image, try again what was refused, and never let the build fail for it", async () => {
    hook.answers.push(500, 500);
    const { verdict } = await ci.merge({ files: app("1"), title: "Fix <!channel> & <b>the cart</b>" });
    const build = await ci.finished(verdict.build);
    expect(build.result).to.equal("success");

    const [message] = await chat.atLeast(1);
    const { text, blocks } = JSON.parse(message?.body ?? "") as { text: string; blocks: { text: { text: string } }[] };
    expect(text).to.equal("✅ Built acme/shop #1 Fix &lt;!channel&gt; &amp; &lt;b&gt;the cart&lt;/b&gt;");
    expect(blocks[0]?.text.text).to.equal(`${text} <https://ci.example.com/builds/${build.id}|build ${build.id}>`);
    expect(blocks[1]?.text.text).to.match(/\*Result\*: success\n\*Duration\*: \d+ s\n\*Commit\*: /);

    const came = await hook.atLeast(4);
    expect(came.map(({ status }) => status)).to.deep.equal([500, 500, 200, 200]);
    expect(came.every((one) => isSigned(one, key))).to.equal(true);
    expect(came.some((one) => isSigned(one, randomBytes(32)))).to.equal(false);
    const events = came.map(eventOf);
    // At least once: it is the id that says which are the same.
    expect(came.map(({ headers }) => headers["webhook-id"])).to.deep.equal(events.map(({ id }) => id));
    expect(new Set(events.map(({ id }) => id)).size).to.equal(2);
    const taken = events.filter((_event, index) => came[index]?.status === 200);
    const finished = taken.find(({ type }) => type === "dev.cdevents.pipelinerun.finished.0.3.0");
    expect(finished?.data.subject).to.deep.equal({
      id: `acme/shop/builds/${build.id}`,
      source: "https://ci.example.com",
      content: { pipelineName: "acme/shop", uri: `https://ci.example.com/builds/${build.id}`, outcome: "success" },
    });
    const published = taken.find(({ type }) => type === "dev.cdevents.artifact.published.0.3.0");
    expect(published?.subject).to.include(`pkg:oci/shop@${build.images[0]?.digest}?repository_url=`);
    expect(came[0]?.headers["content-type"]).to.match(/^application\/cloudevents\+json/);
  });

  it("that cannot be delivered are listed and logged, without the URL", async () => {
    const line = await givenUp("gone");
    const [failed, ...more] = await list("&state=failed");
    expect(more).to.deep.equal([]);
    expect(failed).to.include({
      channel: "gone",
      attempts: 3,
      state: "failed",
      problem: "it cannot be reached (ECONNREFUSED)",
    });
    expect(JSON.parse(line)).to.include({
      channel: "gone",
      buildId: failed?.buildId,
      notification: failed?.id,
    });
    expect(logged.join("")).not.to.include("T0/secret");
    expect((await ci.api("/notifications?state=lost")).status).to.equal(400);
  });

  it("tell people by e-mail when a repository breaks and when it is fixed, whatever its pull requests are called", async () => {
    const title = "Break it\r\nBcc: everybody@example.com\r\n\r\n<script>alert(1)</script>";
    const broken = await ci.finished((await ci.merge({ files: brokenApp, title })).verdict.build);
    expect(broken.result).to.equal("failure");
    const [first] = await mail.atLeast(1);
    expect(first)
      .to.include({ from: "ci@example.com", wasEncrypted: true })
      .and.deep.include({ to: ["team@example.com"] });
    const source = (first?.source ?? "").replaceAll("=\r\n", "");
    const [headers = ""] = source.split("\r\n\r\n", 1);
    expect(headers).to.match(/^Subject: \[mergedock\] Broken acme\/shop #2 Break it/m);
    expect(headers).not.to.match(/^Bcc/im);
    expect(source)
      .to.include("step: ")
      .and.include("&lt;script&gt;")
      .and.include(`https://ci.example.com/builds/${broken.id}`);

    const fixed = await ci.finished((await ci.merge({ files: app("3") })).verdict.build);
    expect(fixed.result).to.equal("success");
    const [, second] = await mail.atLeast(2);
    expect(second?.source).to.match(/^Subject: \[mergedock\] Fixed acme\/shop #3/m);
    expect(second?.source).to.include(fixed.images[0]?.tags[0]);
    // One that was good and stays good is neither.
    await ci.finished((await ci.merge({ files: app("4") })).verdict.build);
    const told = (await chat.atLeast(4)).map(({ body }) => (JSON.parse(body) as { text: string }).text.split(" ")[1]);
    expect(told).to.deep.equal(["Built", "Broken", "Fixed", "Built"]);
    // Whose certificate nobody has vouched for is told nothing.
    expect(await givenUp("untrusted")).to.match(/the mail server did not take it \(E(?:TLS|SOCKET)/);
    expect(mail.mails).to.have.length(2);
    expect(chat.received.every(({ path }) => path === "/services/T0/secret")).to.equal(true);
  });

  it("do not follow a redirect", async () => {
    const before = hook.received.length;
    hook.answers.push(302);
    await ci.finished((await ci.merge({ files: app("5") })).verdict.build);
    await hook.atLeast(before + 3);
    expect(hook.received.map(({ path }) => path)).not.to.include("/elsewhere");
    const problems = logged.filter((line) => line.includes("a redirect, which is not followed"));
    expect(problems).to.have.length(1);
  });
});

/** Nobody listens there. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
