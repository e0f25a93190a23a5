import { expect } from "chai";
import { readEvents } from "../../ci-server/adapters/tunnel/event-stream.ts";
import { jsonSpellings, spellingsOf } from "../../ci-server/core/json-spellings.ts";
import type { Clock, TunnelState } from "../../ci-server/core/ports.ts";
import { localMode, localUrl, payloadUrlAt } from "../../ci-server/core/public-address.ts";
import { chooseTunnel, leadsHere, readUpstream } from "../../ci-server/core/tunnel-choice.ts";
import { startWatchingTunnel, type TunnelEvent } from "../../ci-server/flows/watch-tunnel.ts";

describe("a tunnel's way", () => {
  it("is read in all forms in which an agent writes it", () => {
    for (const [text, host, port] of [
      ["http://ci-server:8088", "ci-server", 8088],
      ["http://[::1]:8088", "::1", 8088],
      ["localhost:8088", "localhost", 8088],
      ["8088", "localhost", 8088],
      ["http://localhost", "localhost", 80],
    ] as const)
      expect(readUpstream(text), text).to.deep.equal({ host, port });
    for (const text of ["https://localhost:8443", "tcp://localhost:22", "file:///srv/www", "", "ssh"])
      expect(readUpstream(text)?.port ?? null, text).to.be.oneOf([null, 80]);
  });

  for (const [words, upstream, listener, isLocal, expected] of [
    ["loopback to loopback", "localhost", "127.0.0.1", true, true],
    ["loopback to everywhere", "127.0.0.1", "0.0.0.0", true, true],
    ["another machine's loopback", "localhost", "0.0.0.0", false, false],
    ["loopback, where another address is listened at", "localhost", "192.0.2.7", true, false],
    ["a container's name that is ours", "ci-server", "0.0.0.0", false, true],
    ["a container's name that is another's", "other", "0.0.0.0", false, false],
    ["our name, where only loopback is listened at", "ci-server", "127.0.0.1", false, false],
    ["an address of ours", "192.0.2.7", "192.0.2.7", false, true],
    ["the machine's name, said by an agent in a container on it", "host.docker.internal", "127.0.0.1", true, true],
  ] as const)
    it(`is ${expected ? "ours" : "not ours"} from ${words}`, async () => {
      const addressesOf = async (name: string) => (name === "ci-server" ? ["192.0.2.7"] : ["192.0.2.8"]);
      const names = { isLocal, addressesOf, ownAddresses: () => ["192.0.2.7"] };
      expect(await leadsHere({ host: upstream, port: 8088 }, { host: listener, port: 8088 }, names)).to.equal(expected);
      expect(await leadsHere({ host: upstream, port: 8080 }, { host: listener, port: 8088 }, names)).to.equal(false);
    });

  it("is https where there is a choice, and stays the one that it was", () => {
    const found = ["http://a.test", "tcp://b.test:1", "https://c.test", "https://d.test", "https://"].map(
      (publicUrl) => ({
        publicUrl,
        leadsTo: "8088",
      }),
    );
    expect(chooseTunnel(found, null)).to.equal("https://c.test");
    expect(chooseTunnel(found, "https://d.test")).to.equal("https://d.test");
    expect(chooseTunnel(found, "http://a.test")).to.equal("https://c.test");
    expect(chooseTunnel(found.slice(0, 2), "https://d.test")).to.equal("http://a.test");
    expect(chooseTunnel(found.slice(1, 2), null)).to.equal(null);
  });

  it("has a path for each forge, but for a channel", () => {
    expect(payloadUrlAt({ url: "https://a.test/", isChannel: false }, "gitea")).to.equal(
      "https://a.test/webhooks/gitea",
    );
    expect(payloadUrlAt({ url: "https://smee.io/abc", isChannel: true }, "gitea")).to.equal("https://smee.io/abc");
  });

  it("ends at loopback where the listener listens everywhere", () => {
    expect(localUrl({ host: "0.0.0.0", port: 8088 })).to.equal("http://127.0.0.1:8088");
    expect(localUrl({ host: "::", port: 8088 })).to.equal("http://[::1]:8088");
    expect(localUrl({ host: "192.0.2.7", port: 80 })).to.equal("http://192.0.2.7:80");
  });
});

describe("the spellings of a JSON value", () => {
  for (const [writer, body] of [
    ["GitHub", '{"title":"Grüße 🚀 \\"x\\" \\\\u001b","url":"https://a/b"}'],
    ["GitHub with a control character", '{"title":"\\u001B[31m \\\\u001b \\n"}'],
    ["Rails and Go", '{"title":"\\u003cb\\u003e \\u0026 \\u2028"}'],
    ["PHP", '{"url":"https:\\/\\/a\\/b","name":"\\u00fc\\ud83d\\ude80"}'],
    ["Python", '{"name":"\\u00fc"}'],
    ["Gitea", '{\n  "name": "\\u003c",\n  "commits": [\n    1,\n    {}\n  ]\n}'],
  ] as const)
    it(`have that of ${writer} among them`, () => {
      expect(jsonSpellings.map((spell) => spell(JSON.parse(body)))).to.include(body);
    });

  it("are all of the same value", () => {
    const value = { "a/b": ["<\u2028>", "\u001b", "ü🚀", "\\u001b", 1.5, null], c: {} };
    for (const spell of jsonSpellings) expect(JSON.parse(spell(value))).to.deep.equal(value);
  });

  it("are tried of a value that a forge may have sent, and not of megabytes that anybody may have posted", () => {
    const spelled = (chars: number) => [...spellingsOf({ title: "<".repeat(chars) })];
    expect(spelled(1_000)).to.deep.equal(jsonSpellings.map((spell) => spell({ title: "<".repeat(1_000) })));
    expect(spelled(2_000_000)).to.deep.equal([JSON.stringify({ title: "<".repeat(2_000_000) })]);
  });

  it("do not bring back what the value has lost", () => {
    for (const body of ['{"n":1.0}', '{"n":12345678901234567890}', '{"a":1, "b":2}', '{"2":0,"1":0}'])
      expect(jsonSpellings.map((spell) => spell(JSON.parse(body)))).to.not.include(body);
  });
});

describe("a stream of events", () => {
  it("is held to its bound by lines that say nothing, too", async () => {
    const chunks = async function* () {
      for (let count = 0; count < 1_000; count += 1) yield Buffer.from("data:\n".repeat(100));
      yield Buffer.from("\ndata: one\n\n");
    };
    const events = await Array.fromAsync(readEvents(chunks(), 1_000));
    expect(events.map(({ data }) => data)).to.deep.equal([null, "one"]);
  });
});

describe("the watch over a public address", () => {
  const at = (url: string): TunnelState => ({ address: { url, isChannel: false } });
  const [one, two] = [at("https://one.test"), at("https://two.test")];
  const gone = localMode("no ngrok agent");

  it("tells when it appears, changes, goes away and comes back, and has hooks follow it when it is another", async () => {
    const { told, followed } = await watch([gone, one, one, gone, gone, gone, one, two, gone, two]);
    expect(told).to.deep.equal(["opened one", "away one", "back one", "changed two"]);
    expect(followed).to.deep.equal(["one", "two"]);
  });

  it("holds one look that fails for no outage, and takes an address that was changed meanwhile", async () => {
    const { told, followed } = await watch([one, gone, one, gone, gone, two]);
    expect(told).to.deep.equal(["opened one", "away one", "changed two"]);
    expect(followed).to.deep.equal(["one", "two"]);
  });

  it("tells of trouble once for each reason, and of no tunnel that nobody asked for not at all", async () => {
    const [lost, wrong] = [localMode("lost", true), localMode("wrong", true)];
    const { told } = await watch([gone, lost, lost, wrong, gone, gone, wrong, one]);
    expect(told).to.deep.equal(["trouble lost", "trouble wrong", "trouble wrong", "opened one"]);
  });

  it("has hooks follow later when they could not, after longer and longer times", async () => {
    const { told, followed, atSeconds } = await watch(Array(12).fill(one), 3);
    expect(told).to.deep.equal(["opened one", ...Array(3).fill("not_followed one")]);
    expect(followed).to.deep.equal(Array(4).fill("one"));
    expect(atSeconds).to.deep.equal([0, 5, 15, 35]);
  });
});

/** Looks until the script is at its end; the first `failures` times nobody can follow. */
async function watch(script: readonly TunnelState[], failures = 0) {
  const [told, followed]: [string[], string[]] = [[], []];
  const atSeconds: number[] = [];
  let nowMs = 0;
  const clock: Clock = {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
  const nameOf = (url: string) => url.replace(/^https:\/\/|\.test$/g, "");
  const say = (event: TunnelEvent) =>
    event.kind === "trouble" ? (/\((\w+)/.exec(event.why)?.[1] ?? "") : nameOf(event.address.url);
  const looks = script[Symbol.iterator]();
  await new Promise<void>((resolve) => {
    const stop = startWatchingTunnel({
      tunnel: {
        look: async () => {
          const { value, done } = looks.next();
          if (done === true) void stop().then(resolve);
          return done === true ? localMode("the end") : value;
        },
      },
      ...{ clock, everySeconds: 5, retryMsMax: 60_000 },
      report: (event) => told.push(`${event.kind} ${say(event)}`),
      onUrl: async ({ url }) => {
        followed.push(nameOf(url));
        atSeconds.push(nowMs / 1000);
        if (followed.length <= failures) throw new Error("the forge is away");
      },
    });
  });
  return { told, followed, atSeconds };
}
