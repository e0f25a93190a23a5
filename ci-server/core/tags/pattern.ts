// Searches with regular expressions that strangers have written: all ways to match are walked at once, so that no pattern
// and no text takes longer than (length of pattern) x (length of text). Source: Russ Cox, "Regular Expression Matching: the
// Virtual Machine Approach"; among several matches it finds the one that
// JavaScript would find, but where a part that is repeated may be empty, as in (a*)*.

import { AppError } from "../errors.ts";
import { type Assertion, groupsMax, type Node, readSyntax } from "./pattern-syntax.ts";

const stepsMax = 250;
const charsMax = 160;

type Step =
  | { readonly kind: "char"; readonly fits: (char: string) => boolean }
  | { readonly kind: "assert"; readonly what: Assertion }
  /** The first way is preferred. */
  | { readonly kind: "split"; readonly to: readonly [number, number] }
  | { readonly kind: "jump"; readonly to: number }
  | { readonly kind: "save"; readonly slot: number }
  /** Groups in a part that is repeated are empty again. */
  | { readonly kind: "forget"; readonly slots: readonly [number, number] }
  | { readonly kind: "match" };

/** Where groups begin and end: two slots for each, the whole match first. */
type Slots = readonly (number | undefined)[];

interface Thread {
  readonly at: number;
  readonly slots: Slots;
}

export interface Pattern {
  /** Capturing groups, the whole match not among them. */
  readonly groups: number;
  /** The whole match and its groups; with the flag g all matches (the first 21). Null when there is none. A text above 160 characters has none. */
  match(text: string): readonly (string | undefined)[] | null;
}

/** `flags`: of i, g, m, s, u. Throws `invalid`, with what is wrong. */
export function readPattern(source: string, flags = ""): Pattern {
  if (!/^(?!.*(.).*\1)[gimsu]*$/.test(flags))
    throw new AppError("invalid", `the flags "${flags}" have to be of g, i, m, s, u`);
  const { node, groups } = readSyntax(source, flags.includes("i"));
  const steps: Step[] = [];
  compile(steps, { kind: "group", index: 0, node });
  push(steps, { kind: "match" });
  const isGlobal = flags.includes("g");
  return {
    groups,
    match(text) {
      if (text.length > charsMax) return null;
      if (isGlobal) return findAll(steps, text);
      const slots = find(steps, text, 0);
      return slots === null ? null : Array.from({ length: groups + 1 }, (_none, group) => cut(text, slots, group));
    },
  };
}

function findAll(steps: readonly Step[], text: string): string[] | null {
  const found: string[] = [];
  for (let at = 0; at <= text.length && found.length <= groupsMax; ) {
    const slots = find(steps, text, at);
    if (slots === null) break;
    found.push(cut(text, slots, 0) ?? "");
    const [start = 0, end = 0] = slots;
    at = end > start ? end : end + 1;
  }
  return found.length === 0 ? null : found;
}

function cut(text: string, slots: Slots, group: number): string | undefined {
  const [start, end] = [slots[2 * group], slots[2 * group + 1]];
  return start === undefined || end === undefined ? undefined : text.slice(start, end);
}

function push(steps: Step[], step: Step): number {
  if (steps.length >= stepsMax) throw new AppError("invalid", "the regular expression is too large; repeat less in it");
  return steps.push(step) - 1;
}

function compile(steps: Step[], node: Node): void {
  if (node.kind === "char" || node.kind === "assert") push(steps, node);
  else if (node.kind === "all") for (const one of node.nodes) compile(steps, one);
  else if (node.kind === "any") compileAny(steps, node.nodes);
  else if (node.kind === "repeat") compileRepeat(steps, node);
  else {
    push(steps, { kind: "save", slot: 2 * node.index });
    compile(steps, node.node);
    push(steps, { kind: "save", slot: 2 * node.index + 1 });
  }
}

function compileAny(steps: Step[], [first, ...rest]: readonly Node[]): void {
  if (first === undefined) return;
  if (rest.length === 0) {
    compile(steps, first);
    return;
  }
  const split = push(steps, { kind: "jump", to: 0 });
  compile(steps, first);
  const jump = push(steps, { kind: "jump", to: 0 });
  steps[split] = { kind: "split", to: [split + 1, steps.length] };
  compileAny(steps, rest);
  steps[jump] = { kind: "jump", to: steps.length };
}

function compileRepeat(steps: Step[], repeat: Extract<Node, { kind: "repeat" }>): void {
  const { min, max } = repeat;
  for (let time = 0; time < min; time += 1) compileOnce(steps, repeat);
  if (max === Number.POSITIVE_INFINITY) {
    const split = push(steps, { kind: "jump", to: 0 });
    compileOnce(steps, repeat);
    push(steps, { kind: "jump", to: split });
    steps[split] = splitTo(repeat, split + 1, steps.length);
    return;
  }
  const splits: number[] = [];
  for (let time = min; time < max; time += 1) {
    splits.push(push(steps, { kind: "jump", to: 0 }));
    compileOnce(steps, repeat);
  }
  for (const split of splits) steps[split] = splitTo(repeat, split + 1, steps.length);
}

function compileOnce(steps: Step[], { node, groups: [first, after] }: Extract<Node, { kind: "repeat" }>): void {
  if (first < after) push(steps, { kind: "forget", slots: [2 * first, 2 * after] });
  compile(steps, node);
}

function splitTo({ isLazy }: { readonly isLazy: boolean }, again: number, on: number): Step {
  return { kind: "split", to: isLazy ? [on, again] : [again, on] };
}

/** The match that begins first, from `from` on. Of those the one whose choices are preferred: threads stand in that order. */
function find(steps: readonly Step[], text: string, from: number): Slots | null {
  let best: Slots | null = null;
  let threads: Thread[] = [];
  for (let at = from; at <= text.length; at += 1) {
    const seen = new Set<number>();
    const now: Thread[] = [];
    const spread = (thread: Thread) => follow({ steps, text, at, seen, now }, thread);
    for (const thread of threads) spread(thread);
    if (best === null) spread({ at: 0, slots: [] });
    threads = [];
    for (const thread of now) {
      const step = steps[thread.at];
      if (step?.kind === "match") {
        best = thread.slots;
        // What is less preferred than a match is given up.
        break;
      }
      if (step?.kind === "char" && at < text.length && step.fits(text[at] ?? ""))
        threads.push({ at: thread.at + 1, slots: thread.slots });
    }
    if (threads.length === 0 && best !== null) break;
  }
  return best;
}

interface Place {
  readonly steps: readonly Step[];
  readonly text: string;
  readonly at: number;
  /** Steps that a preferred thread has come to at this place of the text. */
  readonly seen: Set<number>;
  readonly now: Thread[];
}

/** Follows a thread to the next characters or the match; no step twice. */
function follow(place: Place, thread: Thread): void {
  const { steps, text, at, seen, now } = place;
  const waiting = [thread];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const step = steps[next.at];
    if (step === undefined || seen.has(next.at)) continue;
    seen.add(next.at);
    const on = { at: next.at + 1, slots: next.slots };
    if (step.kind === "char" || step.kind === "match") now.push(next);
    else if (step.kind === "jump") waiting.push({ ...on, at: step.to });
    else if (step.kind === "split") waiting.push({ ...on, at: step.to[1] }, { ...on, at: step.to[0] });
    else if (step.kind === "save") waiting.push({ ...on, slots: saved(next.slots, step.slot, at) });
    else if (step.kind === "forget") waiting.push({ ...on, slots: forgotten(next.slots, step.slots) });
    else if (holds(step.what, text, at)) waiting.push(on);
  }
}

function saved(slots: Slots, slot: number, at: number): Slots {
  const copy = [...slots];
  copy[slot] = at;
  return copy;
}

function forgotten(slots: Slots, [first, after]: readonly [number, number]): Slots {
  return slots.map((slot, index) => (index >= first && index < after ? undefined : slot));
}

function holds(what: Assertion, text: string, at: number): boolean {
  if (what === "start") return at === 0;
  if (what === "end") return at === text.length;
  const isWord = (index: number) => /\w/.test(text[index] ?? "");
  return (isWord(at - 1) !== isWord(at)) === (what === "boundary");
}
