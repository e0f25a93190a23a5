// Reads a Dockerfile by dockerfile-ast into the plain type of core/dockerfile.ts.

import { type Add, DockerfileParser, type Instruction, type ModifiableInstruction, type Onbuild } from "dockerfile-ast";
import type { Assignment, Dockerfile, DockerfileStage, DockerfileStep, Written } from "../core/dockerfile.ts";
import { AppError } from "../core/errors.ts";
import { splitWords, unknown } from "../core/expand.ts";
import { findLookalikes } from "./dockerfile-lookalikes.ts";

/** The parser's time grows with the number of instructions, and with their length. */
export const dockerfileBytesMax = 256 * 1024;
const linesMax = 10_000;
const stagesMax = 200;

/** Throws `invalid` when it has no stage, or too many of them, or too many lines. What else is wrong with it is the engine's to say. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.length > linesMax) throw new AppError("invalid", `the Dockerfile has more than ${linesMax} lines`);
  const parsed = DockerfileParser.parse(text);
  const escapeChar = parsed.getEscapeCharacter();
  const args: Assignment[] = [];
  const stages: (Omit<DockerfileStage, "steps"> & { readonly steps: DockerfileStep[] })[] = [];
  const instructions = parsed.getInstructions();
  for (const instruction of instructions) {
    const stage = stages.at(-1);
    if (instruction.getKeyword() === "FROM") stages.push(toStage(instruction));
    else if (stage !== undefined) for (const step of toSteps(instruction, escapeChar)) stage.steps.push(step);
    else if (instruction.getKeyword() === "ARG")
      for (const one of toAssignments(instruction, escapeChar)) args.push(one);
  }
  if (stages.length === 0) throw new AppError("invalid", "the Dockerfile has no FROM");
  if (stages.length > stagesMax) throw new AppError("invalid", `the Dockerfile has more than ${stagesMax} stages`);
  return {
    escapeChar,
    frontend: findFrontend(text),
    args,
    stages,
    lookalikes: findLookalikes(text, escapeChar, new Set(instructions.map(lineOf))),
  };
}

/** `FROM [--platform=…] image [AS name]`; the words are not expanded. */
function toStage(instruction: Instruction): DockerfileStage & { readonly steps: DockerfileStep[] } {
  const words = (instruction.getArgumentsContent() ?? "").split(/\s+/).filter((word) => word !== "");
  const [from = "", as = "", name] = words.filter((word) => !word.startsWith("--"));
  const isNamed = as.toLowerCase() === "as" && name !== undefined;
  return { name: isNamed ? name.toLowerCase() : null, from: { text: from, line: lineOf(instruction) }, steps: [] };
}

function toSteps(instruction: Instruction, escapeChar: string): DockerfileStep[] {
  const line = lineOf(instruction);
  switch (instruction.getKeyword()) {
    case "ARG":
      return toAssignments(instruction, escapeChar).map((one) => ({ kind: "arg", line, ...one }));
    case "ENV":
      return toAssignments(instruction, escapeChar).map((one) => ({ kind: "env", line, ...one }));
    case "ADD":
      return [{ kind: "add", sources: toSources(instruction, escapeChar), line }];
    case "COPY":
      return flagsOf(instruction, "from").map((text) => ({ kind: "image", instruction: "COPY --from", text, line }));
    case "RUN":
      return flagsOf(instruction, "mount").flatMap((mount) => {
        const text = mountFrom(mount);
        return text === null ? [] : [{ kind: "image", instruction: "RUN --mount", text, line }];
      });
    case "ONBUILD":
      return toTriggers((instruction as Onbuild).getTriggerInstruction(), escapeChar); // ONBUILD is parsed into an Onbuild
    default:
      return [];
  }
}

/** What another build does that is FROM this stage; variables have the values of that one. */
function toTriggers(instruction: Instruction | null, escapeChar: string): DockerfileStep[] {
  if (instruction === null || !["ADD", "COPY", "RUN"].includes(instruction.getKeyword())) return [];
  return toSteps(instruction, escapeChar).flatMap((step): DockerfileStep[] => {
    if (step.kind === "add") return [{ ...step, sources: step.sources.map(withoutVariables) }];
    return step.kind === "image" ? [{ ...step, kind: "trigger", instruction: `ONBUILD ${step.instruction}` }] : [];
  });
}

function withoutVariables(source: string): string {
  const dollar = source.indexOf("$");
  return dollar < 0 ? source : source.slice(0, dollar) + unknown;
}

/** `NAME=value …`, or `NAME value` as ENV may have it. */
function toAssignments(instruction: Instruction, escapeChar: string): Assignment[] {
  const words = splitWords(instruction.getArgumentsContent() ?? "", escapeChar);
  const [first = ""] = words;
  if (instruction.getKeyword() === "ENV" && !first.includes("="))
    return first === "" ? [] : [{ name: first, value: words.slice(1).join(" ") }];
  return words.map((word) => {
    const equals = word.indexOf("=");
    return equals < 0 ? { name: word, value: null } : { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
}

/** All but the last one, which is where they go; as a list of words or of JSON. */
function toSources(instruction: Instruction, escapeChar: string): string[] {
  const strings = (instruction as Add).getJSONStrings().map((one) => one.getJSONValue()); // ADD is parsed into an Add
  const isJson = (instruction as Add).getClosingBracket() !== null && strings.length > 0;
  // Continued lines are joined by now: what follows a line's end is a here-document.
  const [line = ""] = (instruction.getArgumentsContent() ?? "").split(/\r?\n/);
  const words = isJson ? strings : splitWords(line, escapeChar);
  return words.slice(0, -1).filter((word) => !word.startsWith("<<"));
}

function flagsOf(instruction: Instruction, name: string): string[] {
  const flags = (instruction as ModifiableInstruction).getFlags(); // COPY and RUN are parsed into one
  return flags.flatMap((flag) => (flag.getName().toLowerCase() === name ? (flag.getValue() ?? []) : []));
}

/** `type=bind,from=image,source=/x`: one line of CSV. */
function mountFrom(mount: string): string | null {
  for (const field of mount.replaceAll('"', "").split(",")) {
    const [name = "", value = ""] = field.split("=");
    if (name.trim().toLowerCase() === "from" && value !== "") return value;
  }
  return null;
}

/**
 * Directives are the first lines only. Later versions of BuildKit also look behind `#!`, behind `//` and into JSON.
 * Source: github.com/moby/buildkit, frontend/dockerfile/parser/directives.go.
 */
function findFrontend(text: string): Written | null {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const begin = lines[0]?.startsWith("#!") ? 1 : 0;
  for (const comment of ["#", "//"]) {
    for (let at = begin; at < lines.length; at += 1) {
      const [, name, value] =
        new RegExp(`^\\s*${comment}\\s*([A-Za-z][A-Za-z0-9]*)\\s*=\\s*(\\S.*)$`).exec(lines[at] ?? "") ?? [];
      if (name === undefined || value === undefined) break;
      if (name.toLowerCase() === "syntax") return { text: value.trim().split(/\s+/)[0] ?? "", line: at + 1 };
    }
  }
  return lines.slice(begin).join("\n").trimStart().startsWith("{") ? findInJson(lines.slice(begin).join("\n")) : null;
}

function findInJson(text: string): Written | null {
  try {
    const { syntax } = JSON.parse(text) as { readonly syntax?: unknown }; // an object, since it begins with {
    return typeof syntax === "string" ? { text: syntax.trim().split(/\s+/)[0] ?? "", line: 1 } : null;
  } catch (_notJson) {
    return null;
  }
}

function lineOf(instruction: Instruction): number {
  return instruction.getRange().start.line + 1;
}
