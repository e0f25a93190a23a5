import { once } from "node:events";
import { access, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { root, runFolder } from "../../helpers/folders.ts";

describe("the namespaces of the tests", () => {
  it("have no way out", async () => {
    const socket = connect(443, "198.51.100.1");
    const [error] = await once(socket, "error");
    expect(error.code).to.equal("ENETUNREACH");
  });

  it("show the clone read-only, but for the tests' own folder", async () => {
    const refused = await writeFile(join(root, "stray"), "").catch((error) => error.code);
    expect(refused).to.equal("EROFS");
    const allowed = join(runFolder, "allowed");
    await writeFile(allowed, "yes");
    expect(await readFile(allowed, "utf8")).to.equal("yes");
    await rm(allowed);
  });

  it("hide the machine's own engine and what it trusts", async () => {
    for (const path of ["/run/docker.sock", "/etc/docker/daemon.json"]) {
      expect(await access(path).catch((error) => error.code)).to.equal("ENOENT");
    }
  });
});
