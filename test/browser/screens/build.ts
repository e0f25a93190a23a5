import { expect } from "chai";
import type { Dashboard } from "../../helpers/browser.ts";
import { endless, failing, printing } from "../../helpers/dockerfiles.ts";

export function buildTests(given: () => Dashboard): void {
  describe("a build", () => {
    it("is watched as it runs, its steps and its lines, and cancelled from its page", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title: "Run for ever", files: { Dockerfile: endless("watched") } });
      const page = await given().open(`/builds/${verdict.build}`);
      await page.getByText("watched 3", { exact: true }).waitFor();
      await page.getByText("watched 12", { exact: true }).waitFor();
      await page
        .locator(".headline")
        .getByText(/^Building, \d/)
        .waitFor();
      await page.getByRole("button", { name: /\[4\/4\] RUN i=0.*running/ }).waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByText("Cancelled after").waitFor();
      await page.getByRole("button", { name: "Rebuild", exact: true }).waitFor();
      expect((await ci.build(verdict.build)).result).to.equal("cancellation");
    });

    it("that fails opens at the failing step, and says what to do", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title: "Install", files: { Dockerfile: failing } });
      await ci.finished(verdict.build);
      const page = await given().open(`/builds/${verdict.build}`);
      await page.getByText("Failed at step 4 of shop").waitFor();
      await page.locator(".failure > .failure-message:first-child").waitFor();
      await page.locator(".failure-hint").getByText("install").waitFor();
      const folds = page.locator("details.fold");
      await page.getByText("npm error no lock file", { exact: true }).waitFor();
      expect(await page.locator("details.fold[open]").count()).to.equal(1);
      expect(await folds.count()).to.be.greaterThan(5);
      const fold = await page.locator("details.fold[open]").boundingBox();
      const log = await page.locator(".log-lines").boundingBox();
      expect(Math.abs((fold?.y ?? 0) - (log?.y ?? 100))).to.be.lessThan(3);
      const name = await page.locator(".is-failed.bar-step .bar-name").boundingBox();
      const took = await page.locator(".is-failed.bar-step .bar-took").boundingBox();
      expect((name?.x ?? 0) + (name?.width ?? 0)).to.be.at.most(took?.x ?? 0);
      // Colours are classes, for which the page's policy needs no exception.
      expect(await page.locator(".sgr-red").first().textContent()).to.equal("npm error");
    });

    it("says in one sentence what was built, and how to take it", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title: "Say hello again", files: { Dockerfile: printing } });
      const { images } = await ci.finished(verdict.build);
      const page = await given().open(`/builds/${verdict.build}`);
      await page.getByText(/^(Built|Tagged) shop:pr-\d+ in [\d.]+ s/).waitFor();
      await page.getByRole("button", { name: "Copy docker pull" }).click();
      await page.getByRole("status").getByText("copied").first().waitFor();
      const copied = await page.evaluate("navigator.clipboard.readText()");
      expect(copied).to.equal(`docker pull ${images[0]?.reference}`);
      await page.getByRole("tab", { name: "Provenance" }).click();
      await page.getByText(`mergedock verify ${images[0]?.reference}`).waitFor();
      await page.getByRole("tab", { name: "Delivery" }).click();
      await page.getByText("was merged into main").waitFor();
      await page.getByRole("tab", { name: "Configuration" }).click();
      await page.getByText("every merge builds it").waitFor();
    });

    it("is asked for again, and leads to the new one", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({
        title: "Build me twice",
        files: { Dockerfile: printing, "message.txt": "twice\n" },
      });
      await ci.finished(verdict.build);
      const page = await given().open(`/builds/${verdict.build}`);
      await page.getByRole("button", { name: "Rebuild", exact: true }).click();
      await page.waitForURL((url) => url.pathname !== `/builds/${verdict.build}`);
      const id = Number(new URL(page.url()).pathname.split("/").at(-1));
      expect(id).to.be.greaterThan(verdict.build ?? 0);
      await page.getByText(/^(Built|Tagged) shop/).waitFor();
      expect((await ci.finished(id)).result).to.equal("success");
    });

    it("says what its forge could not be told, and why", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title: "Tell nobody", files: { Dockerfile: printing } });
      await ci.finished(verdict.build);
      await ci.query("insert into report_line (repository) values ('acme/shop') on conflict do nothing");
      await ci.query(`insert into report (build_id, kind, repository, due_at, is_refused, problem)
        values (${verdict.build}, 'comment', 'acme/shop', null, true, 'GitHub said <b>403</b>')`);
      const page = await given().open(`/builds/${verdict.build}`);
      await page.getByText("The pull request's comment was not delivered: GitHub said <b>403</b>").waitFor();
      await ci.query(`delete from report where build_id = ${verdict.build}`);
    });

    it("that nobody has is said to be none", async () => {
      const page = await given().open("/builds/999999");
      await page.getByText("there is no build 999999").waitFor();
    });
  });
}
