import { expect } from "chai";
import type { Dashboard } from "../../helpers/browser.ts";
import { endless, printing } from "../../helpers/dockerfiles.ts";

export function workTests(given: () => Dashboard): void {
  describe("the list of activity", () => {
    it("shows what comes in without being asked again, and what becomes of it", async () => {
      const { ci } = given();
      const page = await given().open("/");
      await page.locator(".live.is-live").waitFor();
      const { verdict } = await ci.merge({ title: "Appear by yourself", files: { Dockerfile: endless("appear") } });
      const row = page.getByRole("link").filter({ hasText: "Appear by yourself" });
      await row.getByText("running").waitFor();
      await ci.api(`/builds/${verdict.build}/cancel`, { method: "POST" });
      await row.getByText("cancelled", { exact: true }).waitFor();
    });

    it("shows what became of a build while the list was on its way, and not what the list says of it", async () => {
      const { ci } = given();
      const { verdict } = await ci.merge({ title: "Overtake the list", files: { Dockerfile: endless("overtake") } });
      await ci.logged(verdict.build, "overtake");
      const page = await given().open("/setup");
      const asked = Promise.withResolvers<void>();
      const told = Promise.withResolvers<void>();
      let lists = 0;
      await page.route("**/api/v1/activity?*", async (route) => {
        const response = await route.fetch();
        lists += 1;
        // The second one is asked for when the events have begun.
        if (lists === 2) {
          asked.resolve();
          await told.promise;
        }
        await route.fulfill({ response });
      });
      await page.getByRole("link", { name: "Activity" }).click();
      await asked.promise;
      await ci.api(`/builds/${verdict.build}/cancel`, { method: "POST" });
      const row = page.getByRole("link").filter({ hasText: "Overtake the list" });
      await row.getByText("cancelled", { exact: true }).waitFor();
      const answered = page.waitForResponse(/\/api\/v1\/activity\?/);
      told.resolve();
      await (await answered).finished();
      // By then the page has drawn what it was given.
      await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))");
      expect(await row.innerText()).to.contain("cancelled");
      await ci.finished(verdict.build);
    });

    it("says of an ignored delivery why, and keeps its filters in the address", async () => {
      const { ci } = given();
      const { payload } = await ci.merge({ title: "Merged after all", files: { Dockerfile: printing } });
      // What GitHub sends of a pull request that was closed.
      const { pull_request, ...rest } = payload as { readonly pull_request: object };
      await ci.deliver({ payload: { ...rest, pull_request: { ...pull_request, title: "Not merged", merged: false } } });
      const page = await given().open("/");
      await page.getByLabel("Decision").selectOption("skip");
      await page.getByLabel("Search").fill("Not merged");
      await page.waitForURL((url) => url.searchParams.get("q") === "Not merged");
      expect(new URL(page.url()).searchParams.get("verdict")).to.equal("skip");
      const row = page.locator(".activity .row");
      await row.getByText(/closed without/).waitFor();
      expect(await row.count()).to.equal(1);
      await page.reload();
      await row.getByText(/closed without/).click();
      await page.getByText("stopped here").waitFor();
      await page.getByLabel("Search").waitFor({ state: "detached" });
    });

    it("says so where nothing fits", async () => {
      const page = await given().open("/?q=nobody-has-ever-said-this");
      await page.getByText("Nothing fits these filters.").waitFor();
    });
  });

  describe("what else it can do", () => {
    it("decides again on a delivery without building anything", async () => {
      const { ci } = given();
      const ping = await ci.deliver({ event: "ping", payload: { zen: "x", hook_id: 2 } });
      const page = await given().open(`/deliveries/${JSON.parse(ping.body).delivery}`);
      await page.getByRole("button", { name: "Dry run" }).click();
      await page.getByText("would not be built").waitFor();
      await page.getByRole("button", { name: "Show the body" }).click();
      await page.getByText('"hook_id": 2').waitFor();
      await page.getByText("x-github-event").waitFor();
    });

    it("sends a test delivery, shows the secret once it is asked for, and tells of the ping", async () => {
      const page = await given().open("/setup");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByText("the listener and the secret work").waitFor();
      await page.getByText("See what was decided").waitFor();
      await page.getByRole("button", { name: "Show it once" }).click();
      await page.getByText("the hook's secret of the tests", { exact: true }).waitFor();
      await page
        .getByText(/received/)
        .first()
        .waitFor();
      await page.getByRole("link", { name: "Activity" }).click();
      const row = page.locator(".activity .row", { hasText: "the listener and the secret work" });
      await row.getByText("tested", { exact: true }).waitFor();
    });

    it("folds what there is to mind into one line", async () => {
      const page = await given().open("/");
      const warnings = page.locator("details.note-warn");
      await warnings.getByText(/^\d+ things? to look at$/).click();
      await warnings.getByText("→").first().waitFor();
    });

    it("makes a token that may only look, and takes it back", async () => {
      const page = await given().open("/access");
      await page.getByLabel("Name of the new token").fill("wall-display");
      await page.getByRole("button", { name: "Make a token" }).click();
      const shown = page.getByLabel("the new token", { exact: true });
      await shown.waitFor();
      const token = (await shown.textContent())?.trim() ?? "";
      const { build } = (await given().ci.merge({ title: "Only look at me", files: { Dockerfile: printing } })).verdict;
      await given().ci.finished(build);
      const reader = await given().open(`/builds/${build}`, { token });
      await reader.getByText("Only look at me").waitFor();
      expect(await reader.getByRole("button", { name: "Rebuild" }).count()).to.equal(0);
      const again = await given().open("/access");
      await again.getByRole("button", { name: "Revoke wall-display" }).click();
      await again.getByText("revoked").first().waitFor();
    });
  });
}
