import { expect } from "chai";
import { type Dashboard, faultsOf, narrow } from "../../helpers/browser.ts";
import { adminToken } from "../../helpers/tester.ts";

export function loginTests(given: () => Dashboard): void {
  describe("before anybody is signed in", () => {
    it("asks for a token, says that a wrong one is none, and takes a right one to the page that was asked for", async () => {
      const page = await given().visit("/images");
      await page.getByLabel("Token").fill("a wrong token");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText("nobody has this token").waitFor();
      await page.getByLabel("Token").fill(adminToken);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "Images", exact: true }).waitFor();
      expect(new URL(page.url()).pathname).to.equal("/images");
    });

    it("keeps the session where no script can read it, and ends it on the server", async () => {
      const page = await given().open("/setup");
      await page.getByRole("heading", { name: "Set-up" }).waitFor();
      expect(await page.evaluate("document.cookie + JSON.stringify(localStorage)")).to.equal("{}");
      const cookies = await page.context().cookies();
      expect(cookies).to.have.length(1);
      expect(cookies[0]).to.include({ name: "mergedock_session", httpOnly: true, sameSite: "Strict" });
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Token").waitFor();
      await page.context().addCookies(cookies);
      expect((await page.request.get("/api/v1/system")).status()).to.equal(401);
    });

    it("says that one is signed in still, where the server was not told of the signing out", async () => {
      const page = await given().open("/");
      await page.route("**/api/v1/session", (route) => route.abort());
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("You are still signed in:").waitFor();
      await page.unroute("**/api/v1/session");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Token").waitFor();
      expect((await page.request.get("/api/v1/system")).status()).to.equal(401);
      expect((await given().leave()).join("\n")).to.contain("net::ERR_FAILED");
    });

    it("is by a token of the role read, which is told whom the page of tokens is for", async () => {
      const made = await given().ci.post("/tokens", { name: `reader-${Date.now()}`, role: "read" });
      const { token } = (await made.json()) as { readonly token: string };
      const page = await given().open("/access", { token });
      await page.getByText("This page is for admins").waitFor();
      expect(await page.getByRole("button", { name: "Make a token" }).count()).to.equal(0);
    });

    for (const scheme of ["light", "dark"] as const) {
      it(`is without faults on a phone, ${scheme}`, async () => {
        const page = await given().visit("/", { size: narrow, scheme });
        await page.getByLabel("Token").waitFor();
        expect(await faultsOf(page)).to.deep.equal([]);
      });
    }
  });
}
