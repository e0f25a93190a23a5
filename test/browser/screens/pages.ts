import { expect } from "chai";
import type { Page } from "playwright-core";
import {
  type Dashboard,
  faultsOf,
  keepPicture,
  keepsPictures,
  narrow,
  phone,
  type Scheme,
  wide,
} from "../../helpers/browser.ts";
import { failing, printing } from "../../helpers/dockerfiles.ts";

interface Screen {
  readonly name: string;
  readonly at: () => string;
  /** Which text tells that it is there. */
  readonly shows: string;
}

export function pageTests(given: () => Dashboard): void {
  describe("each of its pages", () => {
    let built: number | null;
    let failed: number | null;
    let ignored: string;

    before(async () => {
      const { ci } = given();
      const good = await ci.merge({ title: "Say hello to everybody", files: { Dockerfile: printing } });
      const bad = await ci.merge({ title: "Install the packages", files: { Dockerfile: failing } });
      const ping = await ci.deliver({ event: "ping", payload: { zen: "Keep it logically awesome.", hook_id: 1 } });
      ignored = JSON.parse(ping.body).delivery;
      built = good.verdict.build;
      failed = bad.verdict.build;
      await Promise.all([ci.finished(built), ci.finished(failed)]);
    });

    const screens: readonly Screen[] = [
      { name: "activity", at: () => "/", shows: "Say hello to everybody" },
      { name: "build", at: () => `/builds/${built}`, shows: "is laid out" },
      { name: "failure", at: () => `/builds/${failed}`, shows: "What to do:" },
      { name: "images", at: () => "/images", shows: "acme/shop" },
      { name: "image", at: () => "/images/acme%2Fshop", shows: "docker login " },
      { name: "setup", at: () => "/setup", shows: "The webhook" },
      { name: "delivery", at: () => `/deliveries/${ignored}`, shows: "stopped here" },
      { name: "access", at: () => "/access", shows: "Who did what" },
    ];

    async function open({ at, shows }: Screen, size: typeof wide, scheme: Scheme): Promise<Page> {
      const page = await given().open(at(), { size, scheme });
      await page.getByText(shows).first().waitFor();
      return page;
    }

    for (const screen of screens) {
      it(`${screen.name}: has no faults for axe, and fits, light and dark, wide and on a phone`, async () => {
        const page = await open(screen, wide, "light");
        for (const size of [wide, narrow]) {
          await page.setViewportSize(size);
          await page.emulateMedia({ colorScheme: "light" });
          expect(await faultsOf(page), `light, ${size.width}`).to.deep.equal([]);
          // In the dark nothing but colours is another.
          await page.emulateMedia({ colorScheme: "dark" });
          expect(await faultsOf(page, ["color-contrast"]), `dark, ${size.width}`).to.deep.equal([]);
          expect(await page.evaluate("document.documentElement.scrollWidth")).to.be.at.most(size.width);
        }
      });
    }

    it("image: says how to log in before the first pull", async () => {
      const page = await given().open("/images/acme%2Fshop");
      await page.getByText(/^docker login \S+ -u ci --password-stdin$/).waitFor();
    });

    if (!keepsPictures) return;
    it("is kept as a picture", async () => {
      for (const screen of screens.filter(({ name }) => ["activity", "failure", "image", "setup"].includes(name)))
        await keepPicture(await open(screen, wide, screen.name === "image" ? "dark" : "light"), screen.name);
      for (const screen of screens.filter(({ name }) => ["activity", "failure"].includes(name)))
        await keepPicture(await open(screen, phone, "light"), `${screen.name}-phone`);
    });
  });
}
