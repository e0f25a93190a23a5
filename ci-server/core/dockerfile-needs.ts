// What the target of a Dockerfile is made from beside the context: images, and files from elsewhere.

import type { Dockerfile, DockerfileStage, DockerfileStep, Written } from "./dockerfile.ts";
import { AppError } from "./errors.ts";
import { expand, unknown } from "./expand.ts";

export interface NeedsRequest {
  /** Name or number of a stage; null is the last one. */
  readonly target: string | null;
  readonly args: Readonly<Record<string, string>>;
  /** Of the engine: `linux/amd64`. */
  readonly platform: string;
}

/** `text`: with all values put in; it holds `unknown` where one cannot be told. */
export interface Need {
  readonly instruction: string;
  readonly text: string;
  readonly line: number;
}

/** A stage by its number, and the image that it is FROM. */
export interface StageFrom {
  readonly stage: number;
  readonly text: string;
}

export interface Needs {
  readonly frontend: Need | null;
  /** Each image once, in the file's order. */
  readonly images: readonly Need[];
  /** Of the stages that the target is made from, those that are FROM an image. */
  readonly froms: readonly StageFrom[];
  /** Images that ONBUILD names: this build may do without them. */
  readonly triggers: readonly Need[];
  /** Sources of ADD, those in the context among them. */
  readonly added: readonly Need[];
  /** What an older builder may take for one of these. */
  readonly lookalikes: readonly Need[];
}

type Values = ReadonlyMap<string, string>;

/** Of all words together, with their variables: each may be long, and they may be many. */
const charsMax = 4 * 1024 * 1024;

interface Scope {
  readonly dockerfile: Dockerfile;
  readonly args: NeedsRequest["args"];
  /** What FROM may use: the platform, and the ARGs before the first FROM. */
  readonly global: Values;
  /** Characters, of `charsMax`. */
  spent: number;
}

/** Throws `invalid` when the file has no such target, or too much to put in. */
export function needsOf(dockerfile: Dockerfile, request: NeedsRequest): Needs {
  const scope = { dockerfile, args: request.args, global: globalValues(dockerfile, request), spent: 0 };
  const images: Need[] = [];
  const froms: StageFrom[] = [];
  const triggers: Need[] = [];
  const added: Need[] = [];
  for (const index of reachable(scope, targetOf(dockerfile, request.target))) {
    const stage = stageAt(dockerfile, index);
    const from = expandIn(scope, stage.from.text);
    if (parentOf(scope, index) === null && from !== "scratch") {
      froms.push({ stage: index, text: from });
      images.push({ instruction: "FROM", text: from, line: stage.from.line });
    }
    for (const step of stage.steps) {
      images.push(...externalImage(dockerfile, step, "image"));
      triggers.push(...externalImage(dockerfile, step, "trigger"));
    }
    for (const need of addsOf(scope, index)) added.push(need);
  }
  const lookalikes = dockerfile.lookalikes.flatMap((written) => lookalike(scope, written));
  return { frontend: frontendOf(scope), images: unique(images), froms, triggers, added, lookalikes };
}

function lookalike(scope: Scope, { text, line }: Written): Need[] {
  const [first = "", ...words] = text.split(/\s+/);
  const instruction = first.toUpperCase();
  const plain = words.filter((word) => !word.startsWith("--"));
  const texts = {
    FROM: plain.slice(0, 1),
    ADD: plain.slice(0, -1),
    COPY: words.flatMap((word) => /^--from=(.+)/.exec(word)?.[1] ?? []),
    RUN: words.flatMap((word) => /^--mount=(?:.*,)?from=([^,]+)/.exec(word)?.[1] ?? []),
  };
  return Object.entries(texts)
    .filter(([name]) => name === instruction)
    .flatMap(([, found]) => found.map((word) => ({ instruction, text: expandIn(scope, word), line })));
}

function frontendOf({ dockerfile, args }: Scope): Need | null {
  const written = args.BUILDKIT_SYNTAX;
  if (written) return { instruction: "BUILDKIT_SYNTAX", text: written, line: 1 };
  const { frontend } = dockerfile;
  return frontend === null ? null : { instruction: "# syntax", ...frontend };
}

/** Source: docs.docker.com/reference/dockerfile, "Automatic platform ARGs in the global scope". */
function globalValues(dockerfile: Dockerfile, { args, platform }: NeedsRequest): Values {
  const [os = "", architecture = "", variant = ""] = platform.split("/");
  const values = new Map<string, string>();
  for (const kind of ["TARGET", "BUILD"]) {
    const parts = { PLATFORM: platform, OS: os, ARCH: architecture, VARIANT: variant };
    for (const [name, value] of Object.entries(parts)) values.set(kind + name, args[kind + name] ?? value);
  }
  for (const { name, value } of dockerfile.args) {
    const given = args[name] ?? (value === null ? undefined : expandWith(dockerfile, value, values));
    if (given !== undefined) values.set(name, given);
  }
  return values;
}

function targetOf({ stages }: Dockerfile, target: string | null): number {
  if (target === null) return stages.length - 1;
  const index = findStage(stages, target, stages.length);
  if (index !== null) return index;
  const names = stages.flatMap(({ name }) => name ?? []).join(", ") || "none with a name";
  throw new AppError("invalid", `the Dockerfile has no stage "${target}"; it has: ${names}; check "target"`);
}

/** The last one before `end` with this name, or with this number. */
function findStage(stages: readonly DockerfileStage[], text: string, end: number): number | null {
  const byName = stages.slice(0, end).findLastIndex(({ name }) => name === text.toLowerCase());
  if (byName >= 0) return byName;
  return /^\d+$/.test(text) && Number(text) < end ? Number(text) : null;
}

/** The stages that the target is made from, in the file's order. */
function reachable(scope: Scope, target: number): number[] {
  const { stages } = scope.dockerfile;
  const seen = new Set<number>();
  const waiting = [target];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const parent = parentOf(scope, index);
    if (parent !== null) waiting.push(parent);
    for (const step of stageAt(scope.dockerfile, index).steps) {
      const stage = step.kind === "image" ? findStage(stages, step.text, stages.length) : null;
      if (stage !== null) waiting.push(stage);
    }
  }
  return [...seen].sort((a, b) => a - b);
}

/** The stage that this one is FROM; null where it is FROM an image. */
function parentOf(scope: Scope, index: number): number | null {
  const { stages } = scope.dockerfile;
  const from = expandIn(scope, stageAt(scope.dockerfile, index).from.text).toLowerCase();
  const found = stages.slice(0, index).findLastIndex(({ name }) => name === from);
  return found < 0 ? null : found;
}

/** BuildKit expands no variables in `from`. */
function externalImage({ stages }: Dockerfile, step: DockerfileStep, kind: "image" | "trigger"): Need[] {
  if (step.kind !== kind || step.text === "scratch") return [];
  if (findStage(stages, step.text, stages.length) !== null) return [];
  const { instruction, text, line } = step;
  return [{ instruction, line, text: text.includes("$") ? unknown : text }];
}

/** What a stage and those that it is FROM set; `hidden`: the image at the bottom may bring variables that nobody here sees. */
interface Setting {
  readonly env: Map<string, string>;
  readonly args: Map<string, string>;
  readonly hidden: boolean;
}

function addsOf(scope: Scope, index: number): Need[] {
  return walkStage(scope, index).added;
}

/** ENV wins over ARG, wherever either stands. */
function walkStage(scope: Scope, index: number): { readonly added: Need[]; readonly setting: Setting } {
  const stage = stageAt(scope.dockerfile, index);
  const setting = inheritedBy(scope, index);
  const { env, args, hidden } = setting;
  const lookup = (name: string) => env.get(name) ?? args.get(name) ?? (hidden ? unknown : undefined);
  const expanded = (text: string) => spend(scope, expand(text, { escapeChar: scope.dockerfile.escapeChar, lookup }));
  const added: Need[] = [];
  for (const step of stage.steps) {
    if (step.kind === "add")
      for (const text of step.sources) added.push({ instruction: "ADD", text: expanded(text), line: step.line });
    if (step.kind === "env") env.set(step.name, expanded(step.value ?? ""));
    if (step.kind === "arg") {
      const byFile = step.value === null ? scope.global.get(step.name) : expanded(step.value);
      args.set(step.name, scope.args[step.name] ?? byFile ?? "");
    }
  }
  return { added, setting };
}

function inheritedBy(scope: Scope, index: number): Setting {
  const parent = parentOf(scope, index);
  if (parent !== null) return walkStage(scope, parent).setting;
  const from = expandIn(scope, stageAt(scope.dockerfile, index).from.text);
  return { env: new Map(), args: new Map(), hidden: from !== "scratch" };
}

function stageAt({ stages }: Dockerfile, index: number): DockerfileStage {
  const stage = stages[index];
  if (stage === undefined) throw new AppError("invalid", "the Dockerfile has no FROM");
  return stage;
}

function expandIn(scope: Scope, text: string): string {
  return spend(scope, expandWith(scope.dockerfile, text, scope.global));
}

function spend(scope: Scope, text: string): string {
  scope.spent += text.length + 1;
  if (scope.spent <= charsMax) return text;
  throw new AppError("invalid", `the Dockerfile has more than ${charsMax} characters with its variables`);
}

function expandWith({ escapeChar }: Dockerfile, text: string, values: Values): string {
  return expand(text, { escapeChar, lookup: (name) => values.get(name) });
}

function unique(needs: readonly Need[]): Need[] {
  const seen = new Set<string>();
  return needs.filter(({ text }) => !seen.has(text) && seen.add(text));
}
