import { expect } from "chai";
import type { Page } from "playwright-core";
import { type Dashboard, until } from "../../helpers/browser.ts";
import { endless, failing, printing } from "../../helpers/dockerfiles.ts";
import { buildLongLog, readLongLog } from "../../helpers/long-log.ts";

const lines = 50_000;

export function logTests(given: () => Dashboard): void {
  describe("a log", () => {
    it("is followed until one scrolls up, stays where one reads, and says how much is new", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title: "Talk for ever", files: { Dockerfile: endless("talk") } });
      const page = await given().open(`/builds/${verdict.build}`, { size: { width: 1280, height: 560 } });
      await page.getByText("talk 30", { exact: true }).waitFor();
      const log = page.locator(".log-lines");
      await log.hover();
      await page.mouse.wheel(0, -150);
      const news = page.getByRole("button", { name: /^\d+ new lines$/ });
      await news.waitFor();
      const top = await page.evaluate(scrollTop);
      const read = await firstInSight(page);
      await page.getByRole("button", { name: /^[2-9]\d new lines$/ }).waitFor();
      expect(await page.evaluate(scrollTop)).to.equal(top);
      expect(await firstInSight(page)).to.equal(read);
      await news.click();
      await news.waitFor({ state: "detached" });
      await until(page, isAtEnd);
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByText("Cancelled after").waitFor();
    });

    it("opens at the line of the address, which each line's number is", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title: "Fail with lines", files: { Dockerfile: failing } });
      await ci.finished(verdict.build);
      const all = await ci.lines(verdict.build);
      const asked = all.find(({ text }) => text.endsWith(" 25"));
      const page = await given().open(`/builds/${verdict.build}#L${asked?.seq}`);
      const marked = page.locator(".line.is-marked");
      await marked.waitFor();
      expect(await marked.locator(".line-text").textContent()).to.equal("25");
      await marked.locator("a").click();
      expect(new URL(page.url()).hash).to.equal(`#L${asked?.seq}`);
      await page.evaluate("location.hash = 'L1'");
      await page.locator("#L1.is-marked").waitFor();
    });

    it("wraps its lines when asked, and where it does not, keeps the headings and their counts in sight", async () => {
      const { ci } = given();
      const long = `at ${Date.now()} ${"wide ".repeat(100)}`;
      const { verdict } = await ci.merge({
        title: "Print a long line",
        files: { Dockerfile: printing, "message.txt": `${long}\n` },
      });
      await ci.finished(verdict.build);
      const page = await given().open(`/builds/${verdict.build}`, { size: { width: 1200, height: 800 } });
      await page.locator(".line-text", { hasText: "wide wide" }).first().waitFor();
      await until(page, `${overflow} > 100`);
      const pane = await page.locator(".log-lines").boundingBox();
      const note = await page.locator(".fold-note").last().boundingBox();
      expect((note?.x ?? 0) + (note?.width ?? 0)).to.be.at.most((pane?.x ?? 0) + (pane?.width ?? 0));
      await page.getByRole("button", { name: "Wrap" }).click();
      await until(page, `${overflow} === 0`);
    });

    it("is searched, folded, copied, and shown raw", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title: "Fail to be searched", files: { Dockerfile: failing } });
      const { log } = await ci.finished(verdict.build);
      const page = await given().open(`/builds/${verdict.build}`);
      await page.getByText("npm error no lock file", { exact: true }).waitFor();
      const search = page.getByLabel("Search the log");
      await search.fill("NPM ERROR NO LOCK");
      await page.getByText("1 of 2", { exact: true }).waitFor();
      await search.press("Enter");
      await page.getByText("2 of 2", { exact: true }).waitFor();
      expect(await page.evaluate("CSS.highlights.get('found').size")).to.equal(2);
      await page.getByRole("button", { name: "Unfold" }).click();
      expect(await page.locator("details.fold:not([open])").count()).to.equal(0);
      await page.getByRole("button", { name: "Fold", exact: true }).click();
      expect(await page.locator("details.fold[open]").count()).to.equal(0);
      await page.getByRole("button", { name: "Copy the log" }).click();
      await page.getByRole("status").getByText("copied").first().waitFor();
      const copied = String(await page.evaluate("navigator.clipboard.readText()"));
      expect(copied.trimEnd().split("\n")).to.have.length(log.trimEnd().split("\n").length);
      expect(await (await page.request.get(`/api/v1/builds/${verdict.build}/log`)).text()).to.equal(log);
      expect(await page.getByRole("link", { name: "Raw" }).getAttribute("href")).to.equal(
        `/api/v1/builds/${verdict.build}/log`,
      );
    });

    it("of 50,000 lines is all there, and the page answers while it comes", async () => {
      const id = await buildLongLog(given(), lines);
      const seen = await readLongLog(given(), id, lines);
      expect(seen.lines).to.be.greaterThan(lines);
      expect(seen.answers).to.be.greaterThan(5);
    });
  });
}

const scrollTop = "document.querySelector('.log-lines').scrollTop";

const overflow = '(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector(".log-lines"))';

const isAtEnd = `(() => {
  const { scrollTop, scrollHeight, clientHeight } = document.querySelector(".log-lines");
  return scrollTop + clientHeight >= scrollHeight - 24;
})()`;

/** The number of the line that stands at the top. */
async function firstInSight(page: Page): Promise<unknown> {
  return page.evaluate(`(() => {
    const { left, top } = document.querySelector(".log-lines").getBoundingClientRect();
    return document.elementFromPoint(left + 8, top + 60).closest(".line").id;
  })()`);
}
