// The stage `plan`: which images are made of the commit.

import { defaultBranch } from "../../core/branch-pattern.ts";
import type { PlannedService } from "../../core/build.ts";
import { servicesRule } from "../../core/judge-services.ts";
import { plan } from "../../core/plan.ts";
import type { Repository } from "../../core/recipe.ts";
import { type BuildRun, newImageRun } from "../build-run.ts";
import { judgeMerge } from "../judge-merge.ts";
import { readServices, type Said } from "../read-services.ts";
import { checkoutOf, repositoryOf } from "./of-run.ts";

export async function planRecipes(run: BuildRun): Promise<void> {
  const repository = repositoryOf(run);
  const changed = await judgeMerge(run, repository);
  if (run.skipReason !== null) return;
  const said = await readServices(run, repository);
  const { services } = said;
  const needed = [...new Set(services.flatMap(({ needs }) => needs))];
  // Of a ref that was asked for by hand the commit was just found.
  const found = { ...run.build, sha: checkoutOf(run).sha };
  run.found = needed.length === 0 ? [] : await run.parts.store.serviceImages(found, needed);
  const isThere = (name: string) => run.found.some(({ service }) => service === name);
  const { build } = run;
  // Of a merge what its own delivery said; whatever was asked for by hand has none.
  const about = build.pullRequest?.repository ?? (await run.parts.store.repositoryAbout(build.repository));
  const request = { build, repository, about, services, commit: checkoutOf(run), changed, isThere };
  const { recipes, verdicts, refusal } = plan(request);
  await record(run, { repository, said, verdicts, refusal });
  run.skipReason = refusal;
  run.images = recipes.map(newImageRun);
  for (const { service, verdict, reason } of verdicts)
    if (verdicts.length > 1) run.log(`${service}: ${verdict}: ${reason}`);
  for (const { service, image, tags, tagNotes } of recipes) {
    run.log(`${service}: ${image}, tags ${tags.join(", ")}`);
    for (const note of tagNotes) run.log(`${service}: ${note}`);
  }
}

interface Planned {
  readonly repository: Repository;
  readonly said: Said;
  readonly verdicts: readonly PlannedService[];
  readonly refusal: string | null;
}

/** What the default branch says of concurrency is for the merges to come. */
async function record(run: BuildRun, { repository, said, verdicts, refusal }: Planned): Promise<void> {
  const { committedAt } = checkoutOf(run);
  const isDefault = run.build.ref !== null && run.build.ref === defaultBranch(repository.branches);
  await run.parts.store.recordPlan(run.at, {
    services: verdicts,
    rule: servicesRule(verdicts),
    refusal,
    setting: isDefault ? { concurrency: said.concurrency, committedAt } : null,
  });
}
