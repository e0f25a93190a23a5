// Secrets in what a build says are hidden, however they are written.

import { expect } from "chai";
import fc from "fast-check";
import { Masker } from "../../ci-server/core/mask.ts";

const token = "ghp_s3cr3t+/Value&more%of it";
const pem = [
  "-----BEGIN PRIVATE KEY-----",
  ...Array.from({ length: 12 }, (_none, index) => Buffer.alloc(48, `line ${index} of a key;`).toString("base64")),
  "-----END PRIVATE KEY-----",
].join("\n");

function masker(...values: string[]): Masker {
  const made = new Masker();
  made.hide(values);
  return made;
}

describe("the mask", () => {
  const forms: [string, string][] = [
    ["as it is", token],
    ["percent-encoded", encodeURIComponent(token)],
    ["percent-encoded in small letters", encodeURIComponent(token).replace(/%../g, (code) => code.toLowerCase())],
    ["as a form has it", new URLSearchParams({ a: token }).toString().slice(2)],
    ["escaped as in JSON", JSON.stringify('a "quoted" \\ secret').slice(1, -1)],
    ["in base64", Buffer.from(token).toString("base64")],
    ["in base64 without padding", Buffer.from(token).toString("base64").replace(/=+$/, "")],
    ["in base64 for URLs", Buffer.from("???>>>~~~secret").toString("base64url")],
  ];
  for (const [how, text] of forms) {
    it(`T23: hides a secret ${how}`, () => {
      const masked = masker(token, 'a "quoted" \\ secret', "???>>>~~~secret").line("", `before ${text} after`);
      expect(masked).to.match(/^before \*\*\*=* after$/);
    });
  }

  it("T23: hides a secret in base64 of a longer text, wherever in it", () => {
    const hides = masker("hunter22");
    for (const before of ["", "u", "us", "use", "user:", "https://user:"]) {
      for (const after of ["", "\n", "@h", "@host", "\t--"]) {
        const encoded = Buffer.from(`${before}hunter22${after}`).toString("base64");
        for (const stuck of ["", "x", "xy", "xyz"]) {
          const masked = hides.line("", `${stuck}${encoded}`);
          const rest = masked.replaceAll(/\*\*\*/g, " ");
          for (let from = 0; from < 4; from += 1) {
            const read = Buffer.from(rest.slice(from), "base64").toString("latin1");
            expect(read, `${stuck}${encoded} -> ${masked}`).not.to.contain("hunt").and.not.to.contain("er22");
          }
          expect(masked).to.contain("***");
        }
      }
    }
  });

  it("T23: hides a secret in base64 that is wrapped, indented, and printed by two sources in turn", () => {
    const secret = "a rather long secret 0123456789 ".repeat(5).trim();
    for (const [columns, before] of [
      [76, ""],
      [64, "user:"],
      [50, "a"],
      [31, "ab"],
      [76, "x".repeat(40)],
    ] as const) {
      const encoded = Buffer.from(before + secret).toString("base64");
      const lines = encoded.match(new RegExp(`.{1,${columns}}`, "g")) ?? [];
      const hides = masker(secret);
      const masked = lines.flatMap((line) => [hides.line("a", line), hides.line("b", `  ${line}`)]);
      const left = (of: number) =>
        masked
          .filter((_line, index) => index % 2 === of)
          .join("")
          .replaceAll(/[* ]+/g, "");
      const shown = Math.ceil((before.length * 8) / 6);
      expect(left(0).replace(/=+$/, "").length, masked.join("\n")).to.be.at.most(shown);
      expect(left(1)).to.equal(left(0));
    }
  });

  it("T23: hides a secret that is broken into lines by what prints it, and not what only begins as one", () => {
    const hides = masker("a rather long secret of the tests");
    const said = ["so: a rather long se", "cret of t", "he tests.", "a rather", "so: a rather long se", "but no"];
    expect(said.map((line) => hides.line("", line))).to.deep.equal([
      "so: ***",
      "***",
      "***.",
      "a rather",
      "so: ***",
      "but no",
    ]);
  });

  it("T23: hides each line of a secret that has several, and all of it in base64", () => {
    const hides = masker(`${pem}\n`);
    for (const line of pem.split("\n")) expect(hides.line("", `| ${line} |`)).to.equal("| *** |");
    const wrapped =
      Buffer.from(pem)
        .toString("base64")
        .match(/.{1,76}/g) ?? [];
    expect(
      wrapped
        .map((line) => hides.line("", line))
        .join("")
        .replaceAll("***", ""),
    ).to.match(/^=*$/);
    expect(hides.line("", JSON.stringify({ pem }))).to.match(/^\{"pem":"\*\*\*(?:\\n\*\*\*)+"\}$/);
  });

  it("T23: hides a secret whose letters have different colours, and keeps the colours", () => {
    const hides = masker("hunter22");
    expect(hides.line("", "a \u001b[31mhunter22\u001b[0m b")).to.equal("a \u001b[31m***\u001b[0m b");
    expect(hides.line("", "a hun\u001b[1mter\u001b[0m22 b")).to.equal("a ***\u001b[1m\u001b[0m b");
  });

  it("hides the longest of secrets that overlap, and each of two that stand together", () => {
    const hides = masker("abcd", "abcdefgh", "efghijkl", "wxyz");
    expect(masker("xabcdy", "abcd").line("", "_xabcdx_xabcdy_")).to.equal("_x***x_***_");
    expect(hides.line("", "_abcdefgh_abcdefghijkl_wxyzwxyz_abcde_")).to.equal("_***_***_***_***e_");
  });

  it("hides a secret in a text of several lines, as of an error", () => {
    expect(masker("hunter22").text("first\nfailed: hunter22\nlast")).to.equal("first\nfailed: ***\nlast");
  });

  it("counts the values that are too short to be hidden, and leaves blank ones alone", () => {
    const hides = new Masker();
    expect(hides.hide(["abc", "", "  \n", "long enough"])).to.equal(1);
    expect(hides.line("", "abc long enough")).to.equal("abc ***");
  });

  it("leaves all else as it is", () => {
    const hides = masker(token, pem, "hunter22");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(!text.includes("\u001b"));
        expect(hides.line("", text)).to.equal(text);
      }),
    );
  }).timeout(20_000);

  it("T23: shows no secret, whatever stands around it", () => {
    const around = fc.string({ unit: fc.constantFrom("a", "b", "A", "/", "=", " ", "-", ":", "ü") });
    const secrets = fc.string({ unit: fc.constantFrom("a", "b", "A", "/", "é", "1"), minLength: 4, maxLength: 20 });
    fc.assert(
      fc.property(secrets, around, around, (secret, before, after) => {
        const hides = masker(secret);
        expect(hides.line("", before + secret + after)).not.to.contain(secret);
        const encoded = Buffer.from(before + secret + after).toString("base64");
        const bytes = Buffer.from(hides.line("", encoded).replaceAll("***", ""), "base64");
        expect(bytes.includes(secret) && !Buffer.from(before + after).includes(secret)).to.equal(false);
      }),
      { numRuns: 2_000 },
    );
  }).timeout(20_000);

  it("takes time that grows with the text, not with the secrets, and not with what is almost one", () => {
    const text = `${"a".repeat(200)} ${"lorem ipsum dolor sit amet ".repeat(20)}`;
    const few = timeOf(masker("a secret of the tests"), text);
    const many = timeOf(masker(...Array.from({ length: 50 }, (_none, index) => `${"a".repeat(1_000)}${index}`)), text);
    expect(many).to.be.lessThan(few * 5 + 50);
  });
});

function timeOf(hides: Masker, text: string): number {
  const startedMs = performance.now();
  for (let turn = 0; turn < 1_000; turn += 1) hides.line("", text);
  return performance.now() - startedMs;
}
