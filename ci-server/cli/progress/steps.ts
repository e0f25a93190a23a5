// Makes the steps of a build out of its log: each stage is one, and each step of an image's Dockerfile.

import type { Result } from "../../core/build.ts";
import type { LogEntry } from "../follow-log.ts";

/** `number` counts from 1 through the whole build; times in ms since 1970, as the server's clock has them. */
export interface ProgressStep {
  readonly number: number;
  readonly name: string;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly outcome: "running" | "done" | "cached" | "error";
  readonly problem: string | null;
}

export type ProgressEvent =
  | { readonly kind: "begin" | "end"; readonly step: ProgressStep }
  | { readonly kind: "line"; readonly step: ProgressStep; readonly atMs: number; readonly text: string };

/** Feed it each line; `events` come in the order in which they are to be shown. */
export class ProgressSteps {
  readonly #steps = new Map<string, ProgressStep>();
  readonly #hasSeveralImages: () => boolean;
  #count = 0;
  #stage: LogEntry["stage"] | null = null;

  /** Whether an image's name belongs to its steps: asked when the first one begins. */
  constructor(hasSeveralImages: () => boolean) {
    this.#hasSeveralImages = hasSeveralImages;
  }

  read(entry: LogEntry): ProgressEvent[] {
    const atMs = Date.parse(entry.at);
    const before = this.#changeStage(entry, atMs);
    return [...before, ...(entry.step === null ? this.#ofStage(entry, atMs) : this.#ofStep(entry, entry.step, atMs))];
  }

  /** What has not ended until now has ended with the build. */
  finish(result: Result | null, atMs: number): ProgressEvent[] {
    const outcome = result === "success" || result === "skip" ? "done" : "error";
    return this.#running().map((key) => this.#end(key, atMs, outcome, result === null ? null : result));
  }

  /** In the order of their beginning. */
  get list(): readonly ProgressStep[] {
    return [...this.#steps.values()];
  }

  /** A stage that comes before the last one begins another attempt: what was running then has been given up. */
  #changeStage({ stage }: LogEntry, atMs: number): ProgressEvent[] {
    if (stage === this.#stage) return [];
    const isAgain = stage === "fetch" && this.#stage !== null;
    const events = this.#running().map((key) =>
      isAgain ? this.#end(key, atMs, "error", "given up: the build begins again") : this.#end(key, atMs, "done", null),
    );
    if (isAgain) this.#steps.clear();
    this.#stage = stage;
    return events;
  }

  #ofStage(entry: LogEntry, atMs: number): ProgressEvent[] {
    const { step, events } = this.#begun(entry.stage, `[${entry.stage}]`, atMs);
    return [...events, { kind: "line", step, atMs, text: entry.text }];
  }

  /** The engine's own lines of a step say its name, and how it ended; what the step prints comes from a stream. */
  #ofStep(entry: LogEntry, number: number, atMs: number): ProgressEvent[] {
    const key = `${entry.service}/${number}`;
    const prefix = `#${number} `;
    const text = entry.text.startsWith(prefix) ? entry.text.slice(prefix.length) : entry.text;
    if (!this.#steps.has(key)) return this.#begun(key, this.#toName(entry, text), atMs).events;
    if (entry.stream === null) {
      if (text === "CACHED") return [this.#end(key, atMs, "cached", null)];
      if (/^DONE \d+\.\ds$/.test(text)) return [this.#end(key, atMs, "done", null)];
      if (text.startsWith("ERROR ")) return [this.#end(key, atMs, "error", text.slice("ERROR ".length))];
    }
    const { step } = this.#begun(key, text, atMs);
    return [{ kind: "line", step, atMs, text }];
  }

  #begun(key: string, name: string, atMs: number): { step: ProgressStep; events: ProgressEvent[] } {
    const known = this.#steps.get(key);
    if (known !== undefined) return { step: known, events: [] };
    this.#count += 1;
    const step: ProgressStep = {
      ...{ number: this.#count, name, startedMs: atMs, endedMs: null, outcome: "running", problem: null },
    };
    this.#steps.set(key, step);
    return { step, events: [{ kind: "begin", step }] };
  }

  #end(key: string, atMs: number, outcome: ProgressStep["outcome"], problem: string | null): ProgressEvent {
    const before = this.#steps.get(key);
    if (before === undefined) throw new Error(`no step ${key} was begun`);
    const step = { ...before, endedMs: atMs, outcome, problem };
    this.#steps.set(key, step);
    return { kind: "end", step };
  }

  #running(): string[] {
    return [...this.#steps].flatMap(([key, { outcome }]) => (outcome === "running" ? [key] : []));
  }

  /** As docker buildx bake has them: `[cart 2/3] RUN npm ci`. */
  #toName({ service }: LogEntry, text: string): string {
    return service === null || !this.#hasSeveralImages() ? text : text.replace(/^\[/, `[${service} `);
  }
}
