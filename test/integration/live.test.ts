// A real build for those who look on, before it, while it runs and after it.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { openStream } from "../helpers/event-stream.ts";
import { type Viewed, viewLog } from "../helpers/log-viewer.ts";
import { adminToken, Tester } from "../helpers/tester.ts";

const lines = 300;

describe("a build that is looked at", function () {
  this.timeout(120_000);
  let ci: Tester;
  before(async () => {
    ci = await Tester.start();
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  function view(buildId: number | null, breaks: readonly number[] = []): Promise<Viewed> {
    const headers = { authorization: `Bearer ${adminToken}` };
    const url = `${ci.app.apiUrl}/builds/${buildId}/events`;
    return viewLog((lastId) => openStream({ url, headers, ...(lastId !== undefined && { lastId }) }), breaks);
  }

  it("has the same log for all, and the activity tells of it from its delivery to its image", async () => {
    const headers = { authorization: `Bearer ${adminToken}` };
    const activity = await openStream({ url: `${ci.app.apiUrl}/events`, headers });
    // The engine has seen the tests of other days.
    const script = `: ${randomUUID()}; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "says $i"; [ $((i % 30)) -ne 0 ] || sleep 0.1; done`;
    const dockerfile = `FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", ${JSON.stringify(script.replace("sleep", "/bin/busybox sleep"))}]\n`;
    const { verdict } = await ci.merge({ files: { Dockerfile: dockerfile } });
    const before = [view(verdict.build), view(verdict.build, [1, 2, 1])];
    await ci.logged(verdict.build, "says 60");
    const during = [view(verdict.build), view(verdict.build, [2, 1])];
    const build = await ci.finished(verdict.build);
    expect(build.result).to.equal("success");
    const after = [view(verdict.build), view(verdict.build, [1])];
    const stored = await ci.lines(verdict.build);
    expect(stored.filter(({ text }) => /says \d+$/.test(text))).to.have.length(lines);
    for (const viewed of await Promise.all([...before, ...during, ...after])) {
      expect(viewed.result).to.equal("success");
      expect(viewed.seqs).to.deep.equal(stored.map(({ seq }) => seq));
      expect(viewed.texts).to.deep.equal(stored.map(({ text }) => text));
    }
    const stages = new Set<string | null>();
    for await (const { data } of activity) {
      const item = JSON.parse(data) as { build: { stage: string | null; images: readonly object[] } }; // the API's format
      stages.add(item.build.stage);
      if (item.build.stage !== null) continue;
      expect(item.build.images).to.have.length(1);
      break;
    }
    expect([...stages]).to.include.members(["queued", "build", null]);
    activity.close();
  });
});
