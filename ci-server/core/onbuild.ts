// What an image brings along for whoever is FROM it (ONBUILD): the builder does it at the beginning of the stage, and there it
// is judged. Source: docs.docker.com/reference/dockerfile, "ONBUILD".

import { type BasePolicy, type Refusal, refuseNeeds } from "./base-policy.ts";
import type { Dockerfile, DockerfileStage, DockerfileStep, Written } from "./dockerfile.ts";
import { type NeedsRequest, needsOf } from "./dockerfile-needs.ts";

/** `reference`: as the Dockerfile that is FROM it names it. Lines do not count: they stand in no file here. */
export interface BroughtAlong extends Pick<Dockerfile, "lookalikes"> {
  readonly reference: string;
  readonly steps: readonly DockerfileStep[];
}

export interface BroughtRequest {
  readonly dockerfile: Dockerfile;
  readonly needs: NeedsRequest;
  readonly brought: readonly BroughtAlong[];
  readonly policy: BasePolicy;
}

/** The Dockerfile by itself is allowed: what is refused here is of an image that it is FROM. Null where nothing is. */
export function refuseBrought({ dockerfile, needs, brought, policy }: BroughtRequest): Refusal | null {
  const { froms } = needsOf(dockerfile, needs);
  const broughtTo = (index: number) => {
    const from = froms.find(({ stage }) => stage === index);
    return brought.find(({ reference }) => reference === from?.text);
  };
  const stages = dockerfile.stages.map((stage, index) => withSteps(stage, broughtTo(index)));
  const lookalikes = dockerfile.stages.flatMap((stage, index) =>
    (broughtTo(index)?.lookalikes ?? []).map((written) => atFrom(stage, written)),
  );
  const whole = { ...dockerfile, stages, lookalikes: [...dockerfile.lookalikes, ...lookalikes] };
  const refusal = refuseNeeds(needsOf(whole, needs), policy);
  if (refusal === null) return null;
  const index = dockerfile.stages.findIndex(({ from }) => from.line === refusal.need.line);
  const base = broughtTo(index)?.reference ?? "a base image";
  return {
    ...refusal,
    message: `${base} brings along for every image that is FROM it (ONBUILD): ${refusal.message}`,
    hint: "take a base image without that, or name its host in mergedock.yml (base_registries, add_hosts)",
  };
}

function withSteps(stage: DockerfileStage, brought: BroughtAlong | undefined): DockerfileStage {
  if (brought === undefined) return stage;
  return { ...stage, steps: [...brought.steps.map((step) => atFrom(stage, step)), ...stage.steps] };
}

function atFrom<T extends DockerfileStep | Written>({ from }: DockerfileStage, what: T): T {
  return { ...what, line: from.line };
}
