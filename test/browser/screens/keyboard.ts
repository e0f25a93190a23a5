import { expect } from "chai";
import type { Dashboard } from "../../helpers/browser.ts";

export function keyboardTests(given: () => Dashboard): void {
  describe("by the keyboard alone", () => {
    it("goes through the list, opens what it has reached, searches and changes the page", async () => {
      const { ci } = given();
      for (const hook of [3, 4, 5]) await ci.deliver({ event: "ping", payload: { zen: "x", hook_id: hook } });
      const page = await given().open("/");
      await page.locator("[data-row]").nth(2).waitFor();
      const focused = () =>
        page.evaluate("[...document.querySelectorAll('[data-row]')].indexOf(document.activeElement)");
      await page.keyboard.press("j");
      expect(await focused()).to.equal(0);
      await page.keyboard.press("j");
      await page.keyboard.press("ArrowDown");
      expect(await focused()).to.equal(2);
      await page.keyboard.press("k");
      expect(await focused()).to.equal(1);
      const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
      expect(outline).to.equal("solid");
      await page.keyboard.press("/");
      expect(await page.evaluate("document.activeElement.type")).to.equal("search");
      await page.keyboard.type("j/?");
      expect(await page.getByLabel("Search").inputValue()).to.equal("j/?");
      await page.keyboard.press("Escape");
      await page.keyboard.press("g");
      await page.keyboard.press("i");
      await page.getByRole("heading", { name: "Images", exact: true }).waitFor();
      await page.keyboard.press("g");
      await page.keyboard.press("a");
      await page.locator(".activity [data-row]").nth(2).waitFor();
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "ping" }).waitFor();
    });

    it("has a list of its keys, which closes by Esc", async () => {
      const page = await given().open("/setup");
      await page.getByRole("heading", { name: "Set-up" }).waitFor();
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" });
    });

    it("leads past the head of the page to its content", async () => {
      const page = await given().open("/images");
      await page.getByRole("heading", { name: "Images", exact: true }).waitFor();
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.textContent.trim()")).to.equal("Skip to the content");
    });
  });
}
