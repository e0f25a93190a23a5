// Which command a comment on a pull request holds: the first line that begins with /mergedock and is not in code.

import { suggestion } from "./closest-word.ts";
import { serviceName } from "./service.ts";

export type CommentCommand =
  /** `service`: null is all of them. */
  | { readonly name: "rebuild"; readonly service: string | null; readonly noCache: boolean }
  | { readonly name: "explain" }
  | { readonly name: "help" }
  /** `problem`: what of it is not known, and what there is. It quotes what somebody wrote. */
  | { readonly name: "unknown"; readonly problem: string };

export const commandWords = ["rebuild", "explain", "help"] as const;
/** Every comment of the server holds it: none of them is a command. */
export const ownMark = "<!-- mergedock";
const noCacheOption = "--no-cache";
const problemCharsMax = 300;

/** Null where it holds none. `body`: Markdown, as it was written. */
export function readCommand(body: string): CommentCommand | null {
  if (body.includes(ownMark)) return null;
  const line = spokenLines(body).find((one) => /^\/mergedock(?:\s|$)/.test(one));
  if (line === undefined) return null;
  const [word = "help", ...rest] = line
    .split(/\s+/)
    .slice(1)
    .filter((one) => one !== "");
  const name = word.toLowerCase();
  if (name === "rebuild") return toRebuild(rest);
  if (name !== "explain" && name !== "help")
    return unknown(`"${word}" is no command; ${suggestion(word, commandWords)}`);
  return rest.length === 0 ? { name } : unknown(`${name} takes nothing more: "${rest.join(" ")}"`);
}

/** As it is written in a comment, without the slash. */
export function commandText(command: CommentCommand): string {
  if (command.name === "unknown") return "that there is not";
  if (command.name !== "rebuild") return command.name;
  const { name, service, noCache } = command;
  return [name, service, noCache ? noCacheOption : null].filter((one) => one !== null).join(" ");
}

function toRebuild(words: readonly string[]): CommentCommand {
  const option = words.find((word) => word.startsWith("-") && word.toLowerCase() !== noCacheOption);
  if (option !== undefined)
    return unknown(`"${option}" is no option of rebuild; ${suggestion(option, [noCacheOption])}`);
  const services = words.filter((word) => !word.startsWith("-"));
  const [service = null, ...more] = services;
  if (more.length > 0) return unknown(`rebuild takes one service, or none for all of them: "${services.join(" ")}"`);
  if (service !== null && !serviceName.safeParse(service).success)
    return unknown(`"${service}" cannot be a service: its name ${serviceRule}`);
  return { name: "rebuild", service, noCache: words.length > services.length };
}

const serviceRule = "has to be lower-case letters and digits, joined by single . _ -";

function unknown(problem: string): CommentCommand {
  return { name: "unknown", problem: problem.slice(0, problemCharsMax).toWellFormed() };
}

/**
 * The lines that are neither code within fences nor hidden. A quote begins with ">", and indented code with blanks: neither is
 * a line that begins with a command. Source: CommonMark 0.31, "Fenced code blocks", "HTML blocks".
 */
function spokenLines(body: string): string[] {
  const spoken: string[] = [];
  let fence: string | null = null;
  let isHidden = false;
  for (const line of body.split(/\r\n|\n|\r/)) {
    if (fence !== null) {
      if (closes(line, fence)) fence = null;
    } else if (isHidden || /^ {0,3}<!--/.test(line)) {
      isHidden = !line.includes("-->");
    } else {
      fence = /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line)?.slice(1).find(Boolean) ?? null;
      if (fence === null) spoken.push(line);
    }
  }
  return spoken;
}

function closes(line: string, fence: string): boolean {
  const found = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1] ?? "";
  return found.startsWith(fence);
}
