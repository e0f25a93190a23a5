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
      await page.getByText("forge: nothing received yet").waitFor();
      await page.getByText("tunnel: not used").waitFor();
      expect(await page.locator(".note-bad, .check.is-bad").count()).to.equal(0);
      await given().ci.deliver({ event: "issues", payload: { action: "opened" } });
      await page.getByText("Nothing has come in yet").waitFor({ state: "detached" });
    });

    it("counts the forge as heard by any delivery, and no build by hand as that of a merge", async () => {
      const { ci } = given();
      await ci.deliver({ event: "issues", payload: { action: "edited" } });
      await ci.mergeQuietly({ files: { Dockerfile: printing } });
      const asked = await ci.post("/images", { service: "shop", version: "by-hand", type: "docker" });
      const { build } = (await asked.json()) as { readonly build: number };
      await ci.finished(build);
      const page = await given().open("/setup");
      const step = (words: string) => page.locator(".steps > li", { hasText: words });
      await step("A delivery of the forge has arrived").getByText("done").waitFor();
      await page.locator(".ping").getByText("last verified delivery").waitFor();
      await step("A pull request was merged").getByText("open").waitFor();
      await page.getByText("Set-up: the webhook's URL and secret").waitFor({ state: "detached" });
      const tunnel = page.locator(".cards .card", { hasText: "NGROK_AUTHTOKEN" });
      await tunnel.getByText("docker compose --profile tunnel up -d", { exact: true }).waitFor();
      await tunnel.getByText("with NGROK_AUTHTOKEN in .env").waitFor();
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
