// Why a build has no image, where that was, what it printed last, and what to do next.

import { plainText } from "../log/sgr.ts";
import { type Fact, Facts } from "../parts/facts.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { BuildView } from "../views.ts";

interface FailureProps {
  readonly build: BuildView;
  readonly goToStep: (service: string, step: number) => void;
}

export function FailureCard({ build, goToStep }: FailureProps) {
  const { failure } = build;
  if (failure === null || build.result === "cancellation") return null;
  const { step, service } = failure;
  const number = step?.number ?? null;
  const facts: readonly Fact[] = [
    ["kind", failure.kind],
    ["image", service],
    ["step", step === null ? null : <code>{step.name}</code>],
    ["Dockerfile", step === null || step.dockerfileLine === null ? null : `line ${step.dockerfileLine}`],
    ["exit code", step === null || step.exitCode === null ? null : String(step.exitCode)],
  ];
  return (
    <section class="failure" aria-label="Failure">
      <p class="failure-message">{failure.message}</p>
      {failure.hint !== null && (
        <p class="failure-hint">
          <strong>What to do:</strong> {failure.hint}
        </p>
      )}
      <Facts facts={facts} />
      {failure.lastLines.length > 0 && (
        <Scroll class="last-lines" label="What it printed last">
          <pre>{failure.lastLines.map(plainText).join("\n")}</pre>
        </Scroll>
      )}
      {number !== null && service !== null && (
        <button type="button" class="button" onClick={() => goToStep(service, number)}>
          Show step {number} in the log
        </button>
      )}
    </section>
  );
}
