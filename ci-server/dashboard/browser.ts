// What is asked of the browser itself: the address, the clock, the scheme of colours, the clipboard.

import { signal } from "@preact/signals";

/** Path and query of this page. The part after # belongs to the log. */
export const address = signal(readAddress());
export const nowMs = signal(Date.now());
export const scheme = signal(readScheme());

export type Scheme = "system" | "light" | "dark";

const schemeKey = "mergedock.scheme";
const tickMs = 1_000;

export function startBrowser(): void {
  window.addEventListener("popstate", () => {
    address.value = readAddress();
  });
  document.addEventListener("click", onClick);
  setInterval(() => {
    if (!document.hidden) nowMs.value = Date.now();
  }, tickMs);
  applyScheme();
}

/** `replace`: without a step back to where it was. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  address.value = readAddress();
  if (!replace) window.scrollTo(0, 0);
}

export function setScheme(next: Scheme): void {
  scheme.value = next;
  try {
    localStorage.setItem(schemeKey, next);
  } catch {
    // Where nothing may be stored, it holds until the page is left.
  }
  applyScheme();
}

/** Whether it could be copied. */
export async function copy(text: string): Promise<boolean> {
  try {
    // There only on https and on loopback.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "out-of-sight";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function readAddress(): string {
  return location.pathname + location.search;
}

function readScheme(): Scheme {
  try {
    const stored = localStorage.getItem(schemeKey);
    if (stored === "light" || stored === "dark") return stored;
  } catch {
    // As if nothing had been chosen.
  }
  return "system";
}

function applyScheme(): void {
  if (scheme.value === "system") delete document.documentElement.dataset.scheme;
  else document.documentElement.dataset.scheme = scheme.value;
}

/** Links of the dashboard change the page without loading it; all others, and new tabs, are the browser's. */
function onClick(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (
    link === null ||
    event.defaultPrevented ||
    event.button !== 0 ||
    link.target !== "" ||
    link.hasAttribute("download")
  )
    return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.origin !== location.origin) return;
  if (link.pathname.startsWith("/api") || link.pathname.endsWith(".json")) return;
  const isOnPage = link.pathname === location.pathname && link.search === location.search && link.hash !== "";
  if (isOnPage) return;
  event.preventDefault();
  navigate(link.pathname + link.search + link.hash);
}
