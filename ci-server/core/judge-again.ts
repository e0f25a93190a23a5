// The rule on the images' own paths for a dry run, which fetches nothing: by what was recorded of the merge, as far as that goes.

import type { PlannedService } from "./build.ts";
import type { RuleVerdict } from "./delivery.ts";
import type { Changed } from "./judge-paths.ts";
import { imagesRule, judgeServices, noImageRefusal, servicesRule } from "./judge-services.ts";
import type { Repository } from "./recipe.ts";
import { recipeFileName } from "./recipe-file.ts";
import { type Service, usualService } from "./service.ts";

/** What the merge's own build has recorded; null of it what it did not come to. */
export interface RecordedMerge {
  readonly buildId: number;
  readonly changed: (Changed & { readonly total: number }) | null;
  readonly plan: readonly PlannedService[] | null;
}

export interface ImagesVerdict {
  readonly rule: RuleVerdict;
  /** Why nothing would be built; null when something would be. */
  readonly refusal: string | null;
}

/** Services of which the branch has an image that is up to date. */
type IsThere = (service: string) => boolean;

/** `merge`: null where it has no build. Null where all images are built whatever was changed. */
export function judgeImages(
  repository: Repository,
  merge: RecordedMerge | null,
  isThere: IsThere,
): ImagesVerdict | null {
  const services = servicesNow(repository, merge);
  if (services !== null) return judgeNow(services, merge, isThere);
  // Of the repository's own file no more is known than what was made of it then.
  if (merge === null || merge.plan === null)
    return pending(`the paths of the images in the commit's ${recipeFileName}`);
  return toVerdict(merge.plan, merge, `as build ${merge.buildId} was planned, `);
}

/** As the operator's configuration says, for each image or for all of them; null where the commit's own file says it. */
function servicesNow({ services, fixed }: Repository, merge: RecordedMerge | null): readonly Service[] | null {
  if (services !== null || fixed.paths === undefined) return services;
  const { paths } = fixed;
  return merge?.plan?.map(({ service }) => ({ ...usualService(service), paths })) ?? null;
}

function judgeNow(services: readonly Service[], merge: RecordedMerge | null, isThere: IsThere): ImagesVerdict | null {
  if (services.every(({ paths }) => paths.length === 0)) return null;
  const changed = merge?.changed ?? null;
  const patterns = `the paths of ${services.map(({ name }) => name).join(", ")}`;
  if (merge === null || changed === null) return pending(patterns);
  const verdicts = judgeServices({ services, asked: null, changed, isThere });
  const isWhole = changed.files.length === changed.total || verdicts.every(({ verdict }) => verdict === "build");
  // A file that was not kept may match.
  return isWhole ? toVerdict(verdicts, merge, "") : pending(patterns);
}

function toVerdict(verdicts: readonly PlannedService[], merge: RecordedMerge, note: string): ImagesVerdict | null {
  const rule = servicesRule(verdicts);
  if (rule === null) return null;
  return {
    rule: { ...rule, saw: `${note}${rule.saw}` },
    refusal: rule.passed ? null : noImageRefusal(verdicts, merge.changed),
  };
}

function pending(what: string): ImagesVerdict {
  return { rule: { rule: imagesRule, passed: true, saw: `judged after the fetch: ${what}` }, refusal: null };
}
