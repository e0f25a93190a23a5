// What every question to a forge's API passes, one for the whole process: where the forge wants to be left alone, it is not asked,
// and whoever asks is told at once until when. A forge that does not answer is asked now and then only.
// Source: GitHub documentation, "Rate limits for the REST API", "Best practices for using the REST API".

import { type AppError, toAppError } from "../core/errors.ts";
import { ForgeCircuit } from "./forge-circuit.ts";
import type { GateAnswer, GateOutcome, GateParts, GateQuestion } from "./forge-gate-parts.ts";
import { ForgeLane } from "./forge-lane.ts";

export interface ForgeGate {
  /**
   * Throws what `ask` throws, and without asking `rate_limited` or `unavailable`, with `details.retryAfterMs`. What `ask` throws
   * as `rate_limited` has `details.retryAfterMs` where the forge has said how long; it always has when it leaves here.
   */
  through<T extends GateAnswer>(question: GateQuestion, ask: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function createForgeGate(parts: GateParts): ForgeGate {
  const lanes = new Map<string, ForgeLane>();
  const circuits = new Map<string, ForgeCircuit>();
  const pass = async <T extends GateAnswer>(question: GateQuestion, ask: () => Promise<T>): Promise<T> => {
    const lane = found(lanes, JSON.stringify([question.apiUrl, question.credential.key]), () => {
      return new ForgeLane(parts, question);
    });
    const circuit = found(circuits, question.apiUrl, () => new ForgeCircuit(parts, question));
    return lane.take(question, async () => {
      const isProbe = circuit.enter();
      try {
        const answer = await ask();
        circuit.answered();
        lane.answered(answer.allowance);
        return answer;
      } catch (thrown) {
        const error = toAppError(thrown);
        if (question.signal.aborted) circuit.left(isProbe);
        else if (error.code === "unavailable") throw circuit.failed(error);
        else circuit.answered();
        throw error.code === "rate_limited" ? lane.limited(error) : thrown;
      }
    });
  };
  return {
    async through(question, ask) {
      try {
        const answer = await pass(question, ask);
        parts.observer.asked(question, "ok");
        return answer;
      } catch (thrown) {
        if (!question.signal.aborted) parts.observer.asked(question, outcomeOf(toAppError(thrown)));
        throw thrown;
      }
    },
    async close() {
      await Promise.all([...circuits.values()].map((circuit) => circuit.close()));
    },
  };
}

function found<T>(all: Map<string, T>, key: string, make: () => T): T {
  const known = all.get(key) ?? make();
  all.set(key, known);
  return known;
}

function outcomeOf({ code, details }: AppError): GateOutcome {
  if (details.held === true) return "held";
  if (code === "rate_limited" || code === "unavailable") return code;
  return "refused";
}
