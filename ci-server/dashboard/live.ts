// Keeps a view of the API fresh: loads it, and loads it again while somebody looks.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { get } from "./api.ts";

export interface Loaded<T> {
  readonly value: Signal<T | null>;
  readonly problem: Signal<Error | null>;
  load(): Promise<void>;
}

/** `everyMs`: null loads once. A change of the path loads anew. */
export function useLoaded<T>(path: string, everyMs: number | null = null): Loaded<T> {
  const loaded = useMemo(() => makeLoaded<T>(path), [path]);
  useEffect(() => {
    void loaded.load();
    if (everyMs === null) return;
    const timer = setInterval(() => {
      if (!document.hidden) void loaded.load();
    }, everyMs);
    return () => clearInterval(timer);
  }, [loaded, everyMs]);
  return loaded;
}

function makeLoaded<T>(path: string): Loaded<T> {
  const value = signal<T | null>(null);
  const problem = signal<Error | null>(null);
  let newest = 0;
  async function load(): Promise<void> {
    newest += 1;
    const turn = newest;
    try {
      const loaded = await get<T>(path);
      // An answer that was overtaken by a later one says nothing new.
      if (turn !== newest) return;
      value.value = loaded;
      problem.value = null;
    } catch (thrown) {
      if (turn === newest) problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  }
  return { value, problem, load };
}
