// The list of what came in and what became of it: pages of it, and what is new, by events or else by asking again.

import { signal } from "@preact/signals";
import { get, query } from "./api.ts";
import { parseShown } from "./shown-text.ts";
import type { ActivityItem } from "./views.ts";

export interface Filters {
  readonly q: string;
  readonly repository: string;
  readonly verdict: string;
  readonly result: string;
}

interface ActivityPage {
  readonly items: readonly ActivityItem[];
  readonly next: string | null;
}

const pollMs = 5_000;
const gatherMs = 300;
const limit = 50;

export class ActivityFeed {
  /** Null until the first page is here. */
  readonly items = signal<readonly ActivityItem[] | null>(null);
  readonly problem = signal<Error | null>(null);
  readonly next = signal<string | null>(null);
  readonly isLive = signal(false);
  readonly #filters: Filters;
  #events: EventSource | null = null;
  #poll = 0;
  #soon = 0;
  #loads = 0;
  /** By events, since the page was asked for that is under way. */
  #told: ActivityItem[] = [];
  #isOver = false;

  constructor(filters: Filters) {
    this.#filters = filters;
  }

  async start(): Promise<void> {
    await this.#load();
    if (!this.#isOver) this.#listen();
  }

  stop(): void {
    this.#isOver = true;
    this.#events?.close();
    clearInterval(this.#poll);
    clearTimeout(this.#soon);
  }

  async more(): Promise<void> {
    try {
      const page = await this.#page(this.next.value);
      this.items.value = merged(this.items.value ?? [], page.items);
      this.next.value = page.next;
    } catch (thrown) {
      this.problem.value = toError(thrown);
    }
  }

  async #load(): Promise<void> {
    this.#loads += 1;
    const turn = this.#loads;
    this.#told = [];
    try {
      const page = await this.#page(null);
      // A page that was overtaken by a later one says nothing new.
      if (this.#isOver || turn !== this.#loads) return;
      // Of a list that was paged through, the rest stays.
      const isLonger = (this.items.value?.length ?? 0) > page.items.length && page.next !== null;
      this.items.value = isLonger ? merged(this.items.value ?? [], page.items) : page.items;
      if (!isLonger) this.next.value = page.next;
      // What it says of these may be older than what the events have told meanwhile.
      for (const item of this.#told) this.#put(item);
      this.problem.value = null;
    } catch (thrown) {
      if (turn === this.#loads) this.problem.value = toError(thrown);
    }
  }

  #page(before: string | null): Promise<ActivityPage> {
    return get<ActivityPage>(`/activity${query({ ...this.#filters, before, limit })}`);
  }

  #listen(): void {
    const events = new EventSource(`/api/v1/events${query({ repository: this.#filters.repository })}`);
    this.#events = events;
    events.addEventListener("open", () => {
      this.isLive.value = true;
      clearInterval(this.#poll);
      // What happened between the page and the events.
      void this.#load();
    });
    events.addEventListener("activity", ({ data }) => {
      // The API's own contract says what its events hold.
      this.#take(parseShown(data) as ActivityItem);
    });
    events.addEventListener("reset", () => void this.#load());
    events.addEventListener("error", () => {
      this.isLive.value = false;
      if (events.readyState !== EventSource.CLOSED || this.#isOver) return;
      clearInterval(this.#poll);
      this.#poll = window.setInterval(() => {
        if (!document.hidden) void this.#load();
      }, pollMs);
    });
  }

  #take(item: ActivityItem): void {
    this.#told.push(item);
    if (this.#put(item) || this.#soon !== 0) return;
    // Whether it belongs to what was asked for is the server's to say.
    this.#soon = window.setTimeout(() => {
      this.#soon = 0;
      void this.#load();
    }, gatherMs);
  }

  /** Whether it is known to belong to the list. */
  #put(item: ActivityItem): boolean {
    const items = this.items.value ?? [];
    const { q, verdict, result } = this.#filters;
    const belongs = items.some(({ id }) => id === item.id) || q + verdict + result === "";
    if (belongs) this.items.value = merged(items, [item]);
    return belongs;
  }
}

/** Newest first, each once, as it was told last. */
export function merged(items: readonly ActivityItem[], news: readonly ActivityItem[]): readonly ActivityItem[] {
  const byId = new Map(items.map((item) => [item.id, item]));
  for (const item of news) byId.set(item.id, item);
  return [...byId.values()].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
