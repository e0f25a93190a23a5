// Why a build has no image and what to do next; where the log has no step to show, what was printed last as well.

import { plainText } from "../log/sgr.ts";
import { Scroll } from "../parts/scroll.tsx";
import type { BuildView, FailureView } from "../views.ts";

interface FailureProps {
  readonly build: BuildView;
  readonly goToStep: (service: string, step: number) => void;
}

export function FailureCard({ build, goToStep }: FailureProps) {
  const { failure } = build;
  if (failure === null || build.result === "cancellation") return null;
  const { step, service } = failure;
  const number = step?.number ?? null;
  return (
    <section class="failure" aria-label="Failure">
      <p class="failure-message">{failure.message}</p>
      {failure.hint !== null && (
        <p class="failure-hint">
          <strong>What to do:</strong> {failure.hint}
        </p>
      )}
      <p class="failure-where">
        {placesOf(failure).map((place) => (
          <span key={place}>{place}</span>
        ))}
      </p>
      {failure.lastLines.length > 0 && (number === null || build.logRemovedAt !== null) && (
        <Scroll class="last-lines" label="What it printed last">
          <pre>{failure.lastLines.map(plainText).join("\n")}</pre>
        </Scroll>
      )}
      {number !== null && service !== null && (
        <button type="button" class="button small" onClick={() => goToStep(service, number)}>
          Show step {number} in the log
        </button>
      )}
    </section>
  );
}

function placesOf({ kind, service, step }: FailureView): readonly string[] {
  return [
    `kind: ${kind.replaceAll("_", " ")}`,
    service === null ? "" : `image: ${service}`,
    step === null || step.dockerfileLine === null ? "" : `Dockerfile: line ${step.dockerfileLine}`,
    step === null || step.exitCode === null ? "" : `exit code: ${step.exitCode}`,
  ].filter((place) => place !== "");
}
