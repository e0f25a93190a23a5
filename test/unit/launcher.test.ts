// bin/mergedock, which is what npx runs: it brings its own Node, whichever one is first on the path.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { root } from "../helpers/folders.ts";

describe("the launcher of the command line", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "launcher-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("runs by a link and from another folder, though the path has a Node that knows no TypeScript", () => {
    const { bin } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { bin: { mergedock: string } };
    const link = path.join(folder, "mergedock");
    symlinkSync(path.join(root, bin.mergedock), link);
    writeFileSync(path.join(folder, "node"), "#!/bin/sh\nexit 9\n", { mode: 0o755 });
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    expect(execFileSync(link, ["--version"], { cwd: folder, env, encoding: "utf8" })).to.match(/^\d+\.\d+\.\d+\n$/);
  });
});
