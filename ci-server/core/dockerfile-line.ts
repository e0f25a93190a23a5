// Finds the line of a Dockerfile that a step of BuildKit was made of: the engine tells the step's name only.

/** What BuildKit counts in `[stage 2/5]`. Source: moby/buildkit frontend/dockerfile/dockerfile2llb/convert.go, `cmdTotal`. */
const counted = new Set(["ADD", "COPY", "RUN", "WORKDIR"]);

/** Of one instruction; each is looked for in the rest of the file. */
const heredocsMax = 20;

interface Instruction {
  readonly word: string;
  readonly rest: string;
  /** Where it begins; the first line is 1. */
  readonly line: number;
}

interface Stage {
  readonly name: string | null;
  readonly from: Instruction;
  readonly instructions: readonly Instruction[];
}

export interface StepName {
  /** Null where the Dockerfile has one stage without a name. */
  readonly stage: string | null;
  readonly number: number;
  readonly total: number;
  readonly word: string;
}

/** `[build 2/5] RUN npm ci`, `[linux/amd64 stage-1 2/5] RUN …`, `[2/3] COPY . .`; null for what is no step of a Dockerfile. */
export function parseStepName(name: string): StepName | null {
  const found = /^\[(?:[a-z0-9]+\/\S+ )?(?:(\S+) +)?(\d+)\/(\d+)\] ([A-Za-z]+)/.exec(name);
  if (found === null) return null;
  const [, stage = null, number, total, word = ""] = found;
  return { stage, number: Number(number), total: Number(total), word: word.toUpperCase() };
}

/** Null where it cannot be told: the Dockerfile is not the one that was built, or a base image's ONBUILD made the step. */
export function dockerfileLine(dockerfile: string, name: string): number | null {
  const step = parseStepName(name);
  if (step === null) return null;
  const stages = stagesOf(instructionsOf(dockerfile));
  const stage = step.stage === null ? stages.at(-1) : findStage(stages, step.stage);
  if (stage === undefined) return null;
  if (step.word === "FROM") return stage.from.line;
  const steps = stage.instructions.filter(({ word }) => counted.has(word));
  // From the end: in front of them the base image is counted, if there is one, and what its ONBUILD adds.
  const found = steps[steps.length - 1 - (step.total - step.number)];
  return found?.word === step.word ? found.line : null;
}

function findStage(stages: readonly Stage[], name: string): Stage | undefined {
  const index = /^stage-(\d+)$/.exec(name)?.[1];
  return (
    stages.find((stage) => stage.name === name.toLowerCase()) ??
    (index === undefined ? undefined : stages[Number(index)])
  );
}

function stagesOf(instructions: readonly Instruction[]): Stage[] {
  const starts = instructions.flatMap(({ word }, index) => (word === "FROM" ? [index] : []));
  return starts.flatMap((start, index) => {
    const [from, ...rest] = instructions.slice(start, starts[index + 1]);
    if (from === undefined) return [];
    const [as, name = null] = from.rest.trim().toLowerCase().split(/\s+/).slice(-2);
    return [{ name: as === "as" ? name : null, from, instructions: rest }];
  });
}

function instructionsOf(dockerfile: string): Instruction[] {
  const lines = dockerfile.split(/\r?\n/);
  const joiner = lines.slice(0, 5).some((line) => /^\s*#\s*escape\s*=\s*`/i.test(line)) ? "`" : "\\";
  const found: Instruction[] = [];
  for (let at = 0; at < lines.length; ) {
    const { text, next } = joinLines(lines, at, joiner);
    const [, word = "", rest = ""] = /^\s*([A-Za-z]+)(.*)$/s.exec(text) ?? [];
    if (word !== "") found.push({ word: word.toUpperCase(), rest, line: at + 1 });
    at = heredocEnds(word, rest).reduce((from, end) => after(lines, from, end), next);
  }
  return found;
}

/** What the escape at the lines' ends makes one, without comments and empty lines between them. */
function joinLines(lines: readonly string[], from: number, joiner: string): { text: string; next: number } {
  let text = "";
  for (let at = from; at < lines.length; at += 1) {
    const line = (lines[at] ?? "").trimEnd();
    if (isEmpty(line) && text !== "") continue;
    if (isEmpty(line) || !line.endsWith(joiner)) return { text: text + line, next: at + 1 };
    text += line.slice(0, -1);
  }
  return { text, next: lines.length };
}

function isEmpty(line: string): boolean {
  return /^\s*(?:#|$)/.test(line);
}

/** The words that end the texts which follow this instruction, in their order. */
function heredocEnds(word: string, rest: string): string[] {
  if (!["ADD", "COPY", "RUN"].includes(word.toUpperCase())) return [];
  const found = rest.matchAll(/<<-?(["']?)([A-Za-z_][A-Za-z0-9_]*)\1/g);
  return [...found.take(heredocsMax)].map((match) => match[2] ?? "");
}

function after(lines: readonly string[], from: number, end: string): number {
  for (let at = from; at < lines.length; at += 1) if (lines[at]?.replace(/^\t+/, "") === end) return at + 1;
  return lines.length;
}
