// Images are built again when what they are FROM has changed: from the last good merge, once for each change.

import { expect } from "chai";
import { pushBase } from "../helpers/base-image.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { useLab } from "../helpers/lab.ts";
import { type BuildView, type FinishedBuild, Tester } from "../helpers/tester.ts";

describe("the watch on base images", function () {
  this.timeout(90_000);
  let ci: Tester;
  let base: string;
  let first: FinishedBuild;
  let number: number;

  before(() => useLab());

  beforeEach(async () => {
    base = `${(await useLab()).registry.host}/watch/base:1`;
    await pushBase(await useLab(), base, "the first base");
    ci = await Tester.start({ file: { base_watch: { every_seconds: 1 } } });
    const Dockerfile = `FROM ${base}\nCOPY message.txt /\nCMD ["cat", "/base.txt", "/message.txt"]\n`;
    const merge = await ci.merge({ files: { Dockerfile, "message.txt": "hello\n" } });
    number = merge.number;
    first = await ci.finished(merge.verdict.build);
    expect(first.result, first.log).to.equal("success");
  });
  afterEach(async () => {
    await ci.stop();
    await removeImages(await useLab());
  });

  async function builds(): Promise<readonly BuildView[]> {
    return ((await (await ci.api("/builds")).json()) as { builds: BuildView[] }).builds;
  }

  /** Waits until the watch has looked at everything once more, from the beginning to the end. */
  async function rounds(count: number): Promise<void> {
    const begun = async () => (await ci.query("select begun_at from base_round"))[0]?.begun_at?.getTime();
    for (let seen = 0, last = await begun(); seen < count; ) {
      const now = await begun();
      if (now !== last) seen += 1;
      last = now;
    }
  }

  async function nextBuild(): Promise<FinishedBuild> {
    for (;;) {
      const [newest] = await builds();
      if (newest !== undefined && newest.id > first.id) return ci.finished(newest.id);
    }
  }

  it("builds the last good merge again, of the new base, and only once", async () => {
    const later = await ci.merge({ files: { Dockerfile: `FROM ${base}\nRUN exit 1\n` } });
    first = await ci.finished(later.verdict.build);
    expect(first.result).to.equal("failure");
    await pushBase(ci.lab, base, "the second base");
    const build = await nextBuild();
    expect(build, build.log).to.include({ result: "success", trigger: "base_image" });
    expect(build.pullRequest?.number).to.equal(number);
    expect(build.images[0]?.tags).to.include(`pr-${number}`);
    expect(build.images[0]?.reusedFrom).to.equal(null);
    expect(await ci.run(build.images[0]?.reference ?? "")).to.equal("the second base\nhello\n");
    await rounds(3);
    expect((await builds()).map(({ trigger }) => trigger)).to.deep.equal([
      "base_image",
      "pull_request",
      "pull_request",
    ]);
    const rows = await ci.query("select reference, digest, build_id::int as build from base_rebuild");
    expect(rows).to.deep.equal([{ ...build.images[0]?.bases[0], build: build.id }]);
  });

  it("builds nothing while the base is what it was, nor for a branch that is gone", async () => {
    await rounds(2);
    expect(await builds()).to.have.length(1);
    await ci.repository.commit({ branch: "release/1", files: {}, message: "Release" });
    const Dockerfile = `FROM ${base}\nCMD ["cat", "/base.txt"]\n`;
    const release = await ci.merge({ base: "release/1", files: { Dockerfile } });
    const built = await ci.finished(release.verdict.build);
    expect(built.result, built.log).to.equal("success");
    await ci.repository.remove("release/1");
    await pushBase(ci.lab, base, "the third base");
    first = built;
    expect(await nextBuild()).to.include({ trigger: "base_image", sha: (await builds()).at(-1)?.sha });
    await rounds(2);
    expect(await builds()).to.have.length(3);
  });
});
