import { expect } from "chai";
import type { Dashboard } from "../../helpers/browser.ts";
import { printing } from "../../helpers/dockerfiles.ts";

const esc = "\u001b";
const title = `<img src=x onerror="window.harmed = 1"><script>window.harmed = 1</script>`;
const message = [
  // The engine says nothing of a step that it has made before.
  `at ${Date.now()}`,
  `${esc}]8;;javascript:window.harmed=1${esc}\\click me${esc}]8;;${esc}\\`,
  `<img src=x onerror="window.harmed = 1">`,
  `${esc}[31m<b onclick="window.harmed = 1">red</b>${esc}[0m`,
].join("\n");

export function hostileTests(given: () => Dashboard): void {
  describe("what others have written", () => {
    it("T33: is nothing but text: markup in a title, links and markup in a log", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title, files: { Dockerfile: printing, "message.txt": `${message}\n` } });
      await ci.finished(verdict.build);
      const page = await given().open("/");
      await page.getByText(title).first().click();
      await page.getByRole("heading", { name: title }).waitFor();
      await page.getByText("click me", { exact: true }).click();
      await page.getByText('<b onclick="window.harmed = 1">red</b>', { exact: true }).click();
      expect(await page.locator(".log-body :is(img, script, b, a:not(.line-number)), main img, h1 *").count()).to.equal(
        0,
      );
      expect(await page.locator('[href^="javascript:"]').count()).to.equal(0);
      for (const at of [`/deliveries/${verdict.delivery}`, "/images/acme%2Fshop"]) {
        await page.goto(at);
        await page.getByRole("heading", { level: 1 }).waitFor();
        expect(await page.locator("main img, main script").count()).to.equal(0);
      }
      expect(await page.evaluate("typeof window.harmed")).to.equal("undefined");
    });

    it("turns nothing round: a title's controls of direction are not shown", async () => {
      const { ci } = given();
      const title = "Fix \u202egnp.exe\u2066";
      const { verdict } = await ci.merge({ title, files: { Dockerfile: printing } });
      await ci.finished(verdict.build);
      const page = await given().open("/");
      await page.getByText("Fix gnp.exe").first().click();
      const heading = page.getByRole("heading", { name: "Fix gnp.exe" });
      await heading.waitFor();
      expect(await heading.textContent()).to.match(/Fix gnp\.exe$/);
    });

    it("T33: could not run if it were more: the page's policy takes no script, style or markup from a text", async () => {
      const page = await given().open("/setup");
      await page.getByRole("heading", { name: "Set-up" }).waitFor();
      const tried = await page.evaluate(`(() => {
        const refused = [];
        for (const [name, attempt] of Object.entries({
          innerHTML: () => { document.body.innerHTML += "<b>x</b>"; },
          handler: () => { const b = document.createElement("b"); b.setAttribute("onclick", "window.harmed = 1"); document.body.append(b); b.click(); if (!window.harmed) throw new Error(); },
        })) { try { attempt(); } catch { refused.push(name); } }
        return refused;
      })()`);
      expect(tried).to.deep.equal(["innerHTML", "handler"]);
      const complaints = await given().leave();
      expect(complaints.join("\n")).to.match(/requires .Trusted|Content Security Policy/);
    });
  });
}
