// Why a build failed, as docker buildx shows it: the step, its last lines, where it stands, and what to do next.

import { paint, type Terminal } from "../terminal.ts";
import { plain } from "../text.ts";
import type { FailureView } from "../views.ts";

const rule = "------\n";

export function failureBlock(failure: FailureView | null, look: Pick<Terminal, "hasColours">): string {
  if (failure === null) return "";
  const { step, lastLines, service, message, hint, kind } = failure;
  const of = service === null ? "" : ` of ${plain(service)}`;
  const printed = lastLines.map((line) => `${plain(line)}\n`).join("");
  const where = step?.dockerfileLine ? `Dockerfile:${step.dockerfileLine}\n` : "";
  const block = step === null ? "" : `${rule} > ${plain(step.name)}${of}:\n${printed}${rule}${where}`;
  const next = hint === null ? "" : `${paint(look, "yellow", `next: ${plain(hint)}`)}\n`;
  return `${block}${paint(look, "red", `ERROR (${plain(kind)}): ${plain(message)}`)}\n${next}`;
}
