// The dashboard in headless Chromium, on the server of a Tester; what the page complains of fails the test.

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "chai";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { root } from "./folders.ts";
import { adminToken, Tester } from "./tester.ts";

export type Scheme = "light" | "dark";
export interface Look {
  readonly size?: typeof wide;
  readonly scheme?: Scheme;
}

export const wide = { width: 1280, height: 800 };
export const narrow = { width: 360, height: 780 };
export const phone = { width: 390, height: 844 };

const waitMsMax = 30_000;
const pollMs = 30;
const executablePath = "/usr/bin/chromium";
const args = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  // One that waits for a page that nobody asks for would look like a process that a test has left.
  "--disable-features=SpareRendererForSitePerProcess",
];
/** Waits until what is asked of the page is true. Playwright's own way is eval, which the page's policy refuses. */
export async function until(page: Page, expression: string): Promise<void> {
  const deadline = performance.now() + waitMsMax;
  while ((await page.evaluate(expression)) !== true) {
    if (performance.now() > deadline) throw new Error(`not so within ${waitMsMax} ms: ${expression}`);
    await delay(pollMs);
  }
}

/** Below docs/. */
export const keepsPictures = process.env.MERGEDOCK_SCREENSHOTS === "1";

export class Dashboard {
  readonly ci: Tester;
  readonly #browser: Browser;
  #context: BrowserContext | undefined;
  #complaints: string[] = [];

  private constructor(ci: Tester, browser: Browser) {
    this.ci = ci;
    this.#browser = browser;
  }

  /** Of a server that was started before. */
  static async over(ci: Tester): Promise<Dashboard> {
    const browser = await chromium.launch({ executablePath, args }).catch(async (cause: unknown) => {
      await ci.stop();
      throw cause;
    });
    return new Dashboard(ci, browser);
  }

  static async start(): Promise<Dashboard> {
    const limits = {
      ...{ log_lines_max: 60_000, log_bytes_max: 16 * 1024 * 1024 },
      ...{ api_requests_per_minute_max: 10_000, failed_logins_per_minute_max: 10 },
    };
    return Dashboard.over(await Tester.start({ limits, concurrency: "parallel" }));
  }

  /** The browser alone. */
  async close(): Promise<void> {
    await this.leave();
    await this.#browser.close();
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.ci.stop();
  }

  get origin(): string {
    return new URL(this.ci.app.apiUrl).origin;
  }

  /** A browser of its own, in which nobody is signed in. */
  async visit(at: string, look: Look = {}): Promise<Page> {
    await this.leave();
    return this.#show(await this.#newContext(look), at);
  }

  /** Signed in by the API, as the page does it. */
  async open(at: string, { token = adminToken, ...look }: Look & { readonly token?: string } = {}): Promise<Page> {
    await this.leave();
    const context = await this.#newContext(look);
    const headers = { origin: this.origin, "sec-fetch-site": "same-origin" };
    const answer = await context.request.post("/api/v1/session", { data: { token }, headers });
    expect(answer.status(), await answer.text()).to.equal(200);
    return this.#show(context, at);
  }

  async #newContext({ size = wide, scheme = "light" }: Look): Promise<BrowserContext> {
    const context = await this.#browser.newContext({ viewport: size, colorScheme: scheme, baseURL: this.origin });
    this.#context = context;
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: this.origin });
    return context;
  }

  async #show(context: BrowserContext, at: string): Promise<Page> {
    const page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.#complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.#complaints.push(String(error)));
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

/** What axe finds wrong, as sentences. There are no frames: the quick way is enough. */
export async function faultsOf(page: Page, only: readonly string[] = []): Promise<string[]> {
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (only.length === 0 ? axe : axe.withRules([...only])).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
  );
}

export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = path.join(root, "docs/screenshots");
  await mkdir(folder, { recursive: true });
  // Playwright knows no WebP, which is a third of the size for the same letters.
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 60 });
  await writeFile(path.join(folder, `${name}.webp`), data, "base64");
}
