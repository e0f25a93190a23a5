import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { root } from "../../helpers/folders.ts";

const assets = path.join(root, "ci-server/dashboard/dist/assets");
const scriptBytesMax = 60_000;

export function sizeTests(): void {
  describe("as it is built", () => {
    it("has less than 60 kB of JavaScript, gzipped", () => {
      const scripts = readdirSync(assets).filter((name) => name.endsWith(".js"));
      expect(scripts).not.to.have.length(0);
      const bytes = scripts.map((name) => gzipSync(readFileSync(path.join(assets, name))).length);
      expect(bytes.reduce((sum, each) => sum + each)).to.be.lessThan(scriptBytesMax);
    });

    it("has nothing inline, and nothing from elsewhere", () => {
      const page = readFileSync(path.join(assets, "../index.html"), "utf8");
      expect(page).not.to.match(/<style|style=|<script(?![^>]*src=)|\son[a-z]+=|https?:/);
    });
  });
}
