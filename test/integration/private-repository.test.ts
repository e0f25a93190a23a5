// A private repository from the merge to the image: entered by a token, which stands nowhere but in its file.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { useLab } from "../helpers/lab.ts";
import { Tester } from "../helpers/tester.ts";

const token = "ghs_0123456789abcdefghijklmnop";

describe("a private repository", function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    await useLab();
    folder = await mkdtemp(join(tmpdir(), "private-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function withToken(text: string, work: (ci: Tester) => Promise<void>): Promise<void> {
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, `${text}\n`, { mode: 0o600 });
    const access = { token_file: tokenFile };
    const ci = await Tester.start({ credentials: `x-access-token:${token}`, rules: { access } });
    try {
      await work(ci);
    } finally {
      await ci.stop();
    }
  }

  it("is built by its token, which no answer of the server holds", async () => {
    await withToken(token, async (ci) => {
      const build = await ci.finished((await ci.merge({ message: "for few" })).verdict.build);
      expect(build, build.log).to.include({ result: "success" });
      expect(await ci.run(build.images[0]?.reference ?? "")).to.equal("for few\n");
      expect(JSON.stringify(build)).not.to.contain(token);
    });
  });

  it("is an error at once, of kind git, where the token is a wrong one", async () => {
    await withToken("ghs_another", async (ci) => {
      const build = await ci.finished((await ci.merge()).verdict.build);
      expect(build, build.log).to.include({ result: "error" });
      expect(build.failure).to.include({ code: "unauthorized", kind: "git" });
      expect(build.log).not.to.contain("try 1 of").and.not.to.contain("ghs_another");
    });
  });
});
