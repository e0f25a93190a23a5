// The keys of the dashboard: j and k go through a list, / searches, g and a letter changes the page, ? tells of them.

import { signal } from "@preact/signals";
import { navigate } from "./browser.ts";

export const isHelpOpen = signal(false);

export const keys: readonly (readonly [keys: string, does: string])[] = [
  ["j or ↓", "the next one in a list"],
  ["k or ↑", "the one before it"],
  ["Enter", "open it"],
  ["/", "search"],
  ["Enter, Shift+Enter", "in a log's search: the next match, the one before it"],
  ["f", "in a log: follow its end"],
  ["g then a", "Activity"],
  ["g then i", "Images"],
  ["g then s", "Set-up"],
  ["Esc", "leave a field or this list"],
  ["?", "this list"],
];

const places: Readonly<Record<string, string>> = { a: "/", i: "/images", s: "/setup" };
const goMs = 1_500;
let goSince = 0;

export function startKeyboard(): void {
  document.addEventListener("keydown", onKey);
}

function onKey(event: KeyboardEvent): void {
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (target.matches("input, select, textarea")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (isHelpOpen.value) return;
  if (act(event.key, target)) event.preventDefault();
}

function act(key: string, target: HTMLElement): boolean {
  const place = performance.now() - goSince < goMs ? places[key] : undefined;
  goSince = key === "g" ? performance.now() : 0;
  if (place !== undefined) navigate(place);
  else if (key === "?") isHelpOpen.value = true;
  else if (key === "/") return focusFirst("[data-search]");
  else if (key === "f") return press("[data-follow]");
  else if (key === "j" || key === "ArrowDown") return move(target, 1, key);
  else if (key === "k" || key === "ArrowUp") return move(target, -1, key);
  else return false;
  return true;
}

/** Arrows go through a list once one of it was reached; before that they scroll the page. */
function move(target: HTMLElement, by: 1 | -1, key: string): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row.contains(target));
  if (at < 0 && key.startsWith("Arrow")) return false;
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
  return next !== undefined;
}

function focusFirst(selector: string): boolean {
  const found = [...document.querySelectorAll<HTMLElement>(selector)].find((each) => each.checkVisibility());
  found?.focus();
  return found !== undefined;
}

function press(selector: string): boolean {
  const button = document.querySelector<HTMLElement>(selector);
  button?.click();
  return button !== null;
}
