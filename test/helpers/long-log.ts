// A log of 50,000 lines in the dashboard: is it all there, and does the page answer meanwhile.

import { expect } from "chai";
import type { Page } from "playwright-core";
import { type Dashboard, until } from "./browser.ts";
import { long } from "./dockerfiles.ts";

export interface LongLog {
  readonly lines: number;
  /** From the click on the build to the last line on the page. */
  readonly shownMs: number;
  /** From the jump to the end to the frame that shows it. */
  readonly scrolledMs: number;
  /** From the words to the count of what was found, which is in every line. */
  readonly searchedMs: number;
  /** The longest time for which the page has not answered while the lines came. */
  readonly longestPauseMs: number;
  /** How often it has answered meanwhile. */
  readonly answers: number;
}

/** Short: the engine cuts what a step prints at more than 100 kB a second. */
const words = "a line of";

/** A real build that prints them; returns its id. */
export async function buildLongLog({ ci }: Dashboard, lines: number): Promise<number> {
  const Dockerfile = long({ lines, words: `${words} ${Date.now().toString(36)}` });
  const { verdict } = await ci.merge({ title: "Print a lot", files: { Dockerfile } });
  const { result, failure } = await ci.finished(verdict.build);
  expect(result, JSON.stringify(failure)).to.equal("success");
  return verdict.build ?? 0;
}

export async function readLongLog(dashboard: Dashboard, buildId: number, lines: number): Promise<LongLog> {
  const page = await dashboard.open("/");
  await page.locator(`a[href="/builds/${buildId}"]`).waitFor();
  await page.evaluate(watch);
  const shownMs = await timed(page, `document.querySelector('a[href="/builds/${buildId}"]').click()`, hasAll(lines));
  const { longestPauseMs, answers } = (await page.evaluate("window.watched")) as LongLog; // what `watch` counts
  const scrolledMs = await timed(page, "document.querySelector('.log-lines').scrollTop = 1e9", isAtEnd);
  const searchedMs = await timed(page, search, `/ of 5\\d{4}$/.test(document.querySelector(".log-found").textContent)`);
  const count = Number(await page.evaluate("document.querySelectorAll('.line').length"));
  return { lines: count, shownMs, scrolledMs, searchedMs, longestPauseMs, answers };
}

const search = `(() => {
  const field = document.querySelector('.log-search input');
  field.value = "${words}";
  field.dispatchEvent(new Event("input", { bubbles: true }));
})()`;

const isAtEnd = `(() => {
  const { scrollTop, scrollHeight, clientHeight } = document.querySelector(".log-lines");
  const last = [...document.querySelectorAll(".line")].at(-1).getBoundingClientRect();
  const { bottom } = document.querySelector(".log-lines").getBoundingClientRect();
  return scrollTop + clientHeight >= scrollHeight - 24 && last.height > 0 && last.top < bottom;
})()`;

function hasAll(lines: number): string {
  return `(document.querySelectorAll(".line").length >= ${lines} && [...document.querySelectorAll(".log-bar h2")].some((each) => /5\\d,\\d\\d\\d lines/.test(each.textContent)))`;
}

const watch = `(() => {
  let before = performance.now();
  window.watched = { longestPauseMs: 0, answers: 0 };
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const now = performance.now();
    window.watched.longestPauseMs = Math.max(window.watched.longestPauseMs, now - before);
    window.watched.answers += 1;
    before = now;
    setTimeout(() => channel.port2.postMessage(null), 5);
  };
  channel.port2.postMessage(null);
})()`;

/** Milliseconds by the page's own clock, from what is done to the frame in which it is so. */
async function timed(page: Page, work: string, isDone: string): Promise<number> {
  await page.evaluate(`(() => {
    const begun = performance.now();
    window.took = null;
    const look = () => { if (${isDone}) window.took = performance.now() - begun; else requestAnimationFrame(look); };
    ${work};
    requestAnimationFrame(look);
  })()`);
  await until(page, "window.took !== null");
  return Number(await page.evaluate("window.took"));
}
