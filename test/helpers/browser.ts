// The dashboard in headless Chromium, on the server of a Tester; what the page complains of fails the test.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "chai";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { root } from "./folders.ts";
import { adminToken, Tester } from "./tester.ts";

export type Scheme = "light" | "dark";
export const wide = { width: 1280, height: 800 };
export const narrow = { width: 360, height: 780 };
export const phone = { width: 390, height: 844 };

const executablePath = "/usr/bin/chromium";
const args = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  // One that waits for a page that nobody asks for would look like a process that a test has left.
  "--disable-features=SpareRendererForSitePerProcess",
];
const keepsPictures = process.env.MERGEDOCK_SCREENSHOTS === "1";

export class Dashboard {
  readonly ci: Tester;
  readonly #browser: Browser;
  #context: BrowserContext | undefined;
  #complaints: string[] = [];

  private constructor(ci: Tester, browser: Browser) {
    this.ci = ci;
    this.#browser = browser;
  }

  static async start(): Promise<Dashboard> {
    const limits = {
      ...{ log_lines_max: 60_000, log_bytes_max: 16 * 1024 * 1024 },
      ...{ api_requests_per_minute_max: 10_000, failed_logins_per_minute_max: 10 },
    };
    const ci = await Tester.start({ limits, concurrency: "parallel" });
    const browser = await chromium.launch({ executablePath, args }).catch(async (cause: unknown) => {
      await ci.stop();
      throw cause;
    });
    return new Dashboard(ci, browser);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.ci.stop();
  }

  get origin(): string {
    return new URL(this.ci.app.apiUrl).origin;
  }

  /** A browser of its own, in which nobody is signed in. */
  async visit(at: string, { size = wide, scheme = "light" as Scheme } = {}): Promise<Page> {
    await this.leave();
    this.#complaints = [];
    this.#context = await this.#browser.newContext({ viewport: size, colorScheme: scheme, baseURL: this.origin });
    await this.#context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: this.origin });
    const page = await this.#context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.#complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.#complaints.push(String(error)));
    await page.goto(at);
    return page;
  }

  /** Signed in by the API, as the page does it. */
  async open(at: string, look: { size?: typeof wide; scheme?: Scheme; token?: string } = {}): Promise<Page> {
    const page = await this.visit("/login", look);
    const { token = adminToken } = look;
    const headers = { origin: this.origin, "sec-fetch-site": "same-origin" };
    const answer = await page.request.post("/api/v1/session", { data: { token }, headers });
    expect(answer.status(), await answer.text()).to.equal(200);
    // Before it, the page has asked who is signed in, and that is refused.
    this.#complaints = [];
    await page.goto(at);
    return page;
  }

  /** Closes the page, and tells what it, and the policy of its content, had to complain of. */
  async leave(): Promise<readonly string[]> {
    await this.#context?.close();
    this.#context = undefined;
    const complaints = this.#complaints;
    this.#complaints = [];
    return complaints;
  }
}

/** What axe finds wrong, as sentences. */
export async function faultsOf(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
  );
}

/** Kept below docs/ when MERGEDOCK_SCREENSHOTS=1. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  if (!keepsPictures) return;
  const folder = path.join(root, "docs/screenshots");
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.jpg`), type: "jpeg", quality: 70 });
}
