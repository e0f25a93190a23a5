// Holds that the linter's own rules see what they are there for, and nothing else.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";

const root = path.join(import.meta.dirname, "../..");

describe("the linter", function () {
  this.timeout(20_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "lint-"));
    // The configuration as it is, over files of this test's own.
    for (const name of ["biome.json", ".gitignore", "lint"])
      cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What biome says of this source, were it in this file. */
  function lint(file: string, source: string): string {
    mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(folder, file), source);
    const biome = path.join(root, "node_modules/.bin/biome");
    const { stdout, stderr } = spawnSync(biome, ["lint", file], { cwd: folder, encoding: "utf8" });
    expect(stdout).to.contain("Checked 1 file");
    return stdout + stderr;
  }

  const words = "Compare what is secret in constant time";

  for (const comparison of [
    "signature === given",
    "given !== event.signature256",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source
    "given === `sha256=${hmac}`",
    'createHmac("sha256", key).update(body).digest("hex") == given',
    "adminToken != given",
    "secrets[0] === given",
  ]) {
    it(`T2: refuses ${comparison}`, () => {
      for (const room of ["http", "forges"])
        expect(lint(`ci-server/${room}/sample.ts`, `export const fits = ${comparison};\n`)).to.contain(words);
    });
  }

  for (const comparison of [
    "timingSafeEqual(signature, given)",
    "signature === undefined",
    "null !== token",
    'secret !== ""',
    "signature.length === 64",
    'typeof token === "string"',
    "verdict === given",
  ]) {
    it(`T2: lets ${comparison} pass`, () => {
      expect(lint("ci-server/forges/sample.ts", `export const fits = ${comparison};\n`)).to.not.contain(words);
    });
  }
});
