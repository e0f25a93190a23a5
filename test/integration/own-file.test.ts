// A repository's own file beside the server's configuration: which of the two counts, and what is remembered of the file.

import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { useLab } from "../helpers/lab.ts";
import { Tester } from "../helpers/tester.ts";

/** Runs until it is stopped. */
function endless(words: string): string {
  const step = `RUN ["/bin/busybox", "sh", "-c", "echo ${words} && exec /bin/busybox sleep 3600"]`;
  return ["FROM scratch", "COPY busybox /bin/busybox", step, ""].join("\n");
}

describe("what the server's configuration says of a repository's images", function () {
  this.timeout(60_000);
  before(() => useLab());

  async function withRules(rules: Record<string, unknown>, look: (ci: Tester) => Promise<void>): Promise<void> {
    const ci = await Tester.start({ rules });
    try {
      await look(ci);
    } finally {
      await removeImages(ci.lab);
      await ci.stop();
    }
  }

  it("is all there is where it lists them: the file is not asked for images, and the log says so", async () => {
    await withRules({ services: [{ name: "fixed", dockerfile: "Dockerfile" }] }, async (ci) => {
      const { verdict } = await ci.merge({ files: { ".mergedock.yml": "images: nonsense\n" } });
      const finished = await ci.finished(verdict.build);
      expect(finished.images.map(({ reference }) => reference.split("@")[0])).to.deep.equal([
        `${ci.lab.registry.host}/acme/shop/fixed`,
      ]);
      expect(finished.log).to.contain(
        "plan   the server's configuration lists the images; .mergedock.yml is not asked for",
      );
    });
  });

  it("overrules the file where it fixes a field, and fails what it forbids, naming the line", async () => {
    const stages = ["FROM scratch as dev", "COPY message.txt /dev-stage", "FROM scratch as runtime", "ARG GREETING"];
    const steps = ["COPY busybox /bin/busybox", 'RUN ["/bin/busybox", "sh", "-c", "echo $GREETING > /greeting"]'];
    const Dockerfile = [...stages, ...steps, 'CMD ["/bin/busybox", "cat", "/greeting"]', ""].join("\n");
    const fixed = { target: "runtime", args: { GREETING: "from the server" } };
    await withRules({ fixed, forbidden: ["secrets"] }, async (ci) => {
      const file = "images:\n  - target: dev\n    args: { GREETING: from the file }\n";
      const { verdict } = await ci.merge({ files: { Dockerfile, ".mergedock.yml": file } });
      const finished = await ci.finished(verdict.build);
      expect(finished.log).to.contain("plan   the server's configuration says this of every image: target, args\n");
      expect(await ci.run(finished.images[0]?.reference ?? "")).to.equal("from the server\n");
      const refused = await ci.merge({ files: { ".mergedock.yml": `${file}    secrets: []\n` } });
      expect((await ci.finished(refused.verdict.build)).failure?.message).to.equal(
        ".mergedock.yml:4:5: images[0].secrets: the server's configuration forbids it for this repository",
      );
    });
  });

  it("lets every image be FROM one that it fixes, and says where a commit has no such image", async () => {
    const busybox = await readFile("/bin/busybox");
    const base = 'FROM scratch\nCOPY busybox text /\nCMD ["/busybox", "cat", "/text"]\n';
    const files = {
      ".mergedock.yml": "images:\n  - { service: web, context: web }\n  - { service: base, context: base }\n",
      ...{ "base/Dockerfile": base, "base/busybox": { content: busybox, executable: true }, "base/text": "based\n" },
      "web/Dockerfile": "ARG BASE_IMAGE\nFROM $BASE_IMAGE\n",
    };
    await withRules({ fixed: { needs: ["base"] }, forbidden: ["needs"] }, async (ci) => {
      const finished = await ci.finished((await ci.merge({ files })).verdict.build);
      expect(finished.result, finished.log).to.equal("success");
      expect(await ci.run(finished.images.at(-1)?.reference ?? "")).to.equal("based\n");
      const alone = { ".mergedock.yml": "images:\n  - { service: web, context: web }\n" };
      const refused = await ci.finished((await ci.merge({ files: alone })).verdict.build);
      expect(refused).to.include({ result: "failure" });
      const words = "the server's configuration does not fit the images of this commit: web: needs[0]: ";
      expect(refused.failure?.message).to.equal(`${words}there is no service "base"; There are: web`);
    });
  });
});

describe("what a repository's own file says of concurrency", function () {
  this.timeout(60_000);
  before(() => useLab());

  async function whenFileSays(concurrency: string, look: (ci: Tester) => Promise<void>, rules = {}): Promise<void> {
    const ci = await Tester.start({ rules: { concurrency: null, ...rules } });
    try {
      const { verdict } = await ci.merge({ files: { ".mergedock.yml": `concurrency: ${concurrency}\n` } });
      expect((await ci.finished(verdict.build)).result).to.equal("success");
      const running = await ci.merge({ files: { Dockerfile: endless("the first has begun") } });
      await ci.logged(running.verdict.build, "has begun\n");
      await look(ci);
      await ci.api(`/builds/${running.verdict.build}/cancel`, { method: "POST" });
      await ci.finished(running.verdict.build);
    } finally {
      await removeImages(ci.lab);
      await ci.stop();
    }
  }

  it("supersede: lets the next merges of the same branch supersede those that wait, and build what those changed", async () => {
    await whenFileSays("supersede", async (ci) => {
      await ci.repository.commit({ branch: "release/1", files: { "r.txt": "r" }, message: "Release" });
      const release = (await ci.merge({ base: "release/1" })).verdict.build;
      const waiting = (await ci.merge()).verdict.build;
      const newest = (await ci.merge({ files: { Dockerfile: "FROM scratch\nCOPY message.txt /\n" } })).verdict.build;
      const failure = { code: "cancelled", message: `superseded by #${newest}` };
      const ended = await ci.build(waiting);
      expect(ended).to.include({ result: "cancellation" });
      expect(ended.failure).to.include(failure);
      expect(await ci.build(release)).to.include({ result: null });
      for (const id of [release, newest]) await ci.api(`/builds/${id}/cancel`, { method: "POST" });
    });
  });

  it("parallel: lets the next merges run at once", async () => {
    await whenFileSays("parallel", async (ci) => {
      const second = await ci.merge({ files: { Dockerfile: endless("the second has begun too") } });
      await ci.logged(second.verdict.build, "has begun too\n");
      await ci.api(`/builds/${second.verdict.build}/cancel`, { method: "POST" });
      await ci.finished(second.verdict.build);
    });
  });

  it("counts for nothing where the server's configuration says another", async () => {
    await whenFileSays(
      "supersede",
      async (ci) => {
        const waiting = [(await ci.merge()).verdict.build, (await ci.merge()).verdict.build];
        for (const id of waiting) {
          expect((await ci.build(id)).result).to.equal(null);
          await ci.api(`/builds/${id}/cancel`, { method: "POST" });
        }
      },
      { concurrency: "queue" },
    );
  });
});
