import { expect } from "chai";
import { type Dashboard, faultsOf, narrow } from "../../helpers/browser.ts";
import { printing } from "../../helpers/dockerfiles.ts";

/** To be the first ones: nothing has come in yet. */
export function emptyTests(given: () => Dashboard): void {
  describe("its first page on a new server", () => {
    it("is the list of what to set up, without faults for axe, and goes when the first delivery comes", async () => {
      const page = await given().open("/", { size: narrow });
      await page.getByText("Nothing has come in yet").waitFor();
      await page.getByText("Four steps lead to the first image:").waitFor();
      expect(await faultsOf(page)).to.deep.equal([]);
      await given().ci.deliver({ event: "ping", payload: { zen: "Speak like a human.", hook_id: 1 } });
      await page.getByText("Nothing has come in yet").waitFor({ state: "detached" });
    });

    it("asks again by itself where the server sends no events", async () => {
      const page = await given().open("/");
      await page.route("**/api/v1/events*", (route) => route.fulfill({ status: 503 }));
      await page.reload();
      await page.getByText("polling", { exact: true }).waitFor();
      const { verdict } = await given().ci.merge({ title: "Seen without events", files: { Dockerfile: printing } });
      await page.getByText("Seen without events").waitFor();
      await given().ci.finished(verdict.build);
    });
  });
}
