// Where a Dockerfile names the base image that could not be had.

import { fullName, parseBaseReference } from "./base-reference.ts";
import type { Need, Needs } from "./dockerfile-needs.ts";
import { AppError } from "./errors.ts";
import { withFailure } from "./failure.ts";

/** The same error with the line, where it is about one of these images (`details.base`), and says no line itself. */
export function withBaseLine(thrown: unknown, needs: Pick<Needs, "frontend" | "images">): unknown {
  if (!(thrown instanceof AppError) || typeof thrown.details.base !== "string") return thrown;
  const { base } = thrown.details;
  const need = [...needs.images, ...(needs.frontend === null ? [] : [needs.frontend])].find((one) => isOf(one, base));
  if (need === undefined) return thrown;
  const name = `${need.instruction} ${need.text}`;
  return withFailure(thrown, { step: { number: null, name, dockerfileLine: need.line, exitCode: null } });
}

/** The engine writes names in full. */
function isOf({ text }: Need, reference: string): boolean {
  return text === reference || inFull(text) === inFull(reference);
}

function inFull(text: string): string {
  const parsed = parseBaseReference(text);
  return parsed === null ? text : fullName(parsed);
}
