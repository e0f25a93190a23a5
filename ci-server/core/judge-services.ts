// Which images of a repository a build is to make, and of every other one why not.

import type { PlannedService } from "./build.ts";
import type { RuleVerdict } from "./delivery.ts";
import { type Changed, describeFiles, describeReplaced } from "./judge-paths.ts";
import { fileMatcher } from "./path-pattern.ts";
import { recipeFileName } from "./recipe-file.ts";
import type { Service } from "./service.ts";

/** Characters of files times characters of patterns: judging more may take seconds, in which nothing else goes on; all is built then. */
const judgedMax = 150_000_000;
const shownMax = 3;
export const imagesRule = "images";

export interface ServicesRequest {
  readonly services: readonly Service[];
  /** The one that was asked for by hand; null: whatever was changed. */
  readonly asked: string | null;
  /** Null where nobody knows what was changed. */
  readonly changed: Changed | null;
  /** Services of which the branch has an image that is up to date, but for what this build changes. */
  readonly isThere: (service: string) => boolean;
}

/** One for each service, in their order. */
export function judgeServices(request: ServicesRequest): readonly PlannedService[] {
  const { services } = request;
  const verdicts = new Map(services.map((service) => [service.name, judgeService(request, service)]));
  // What follows from one verdict may lead to another: at most once for each service.
  while (services.some((service) => follow(request, verdicts, service)));
  return [...verdicts.values()];
}

/** For the trace of the delivery; null where there is nothing to tell. */
export function servicesRule(verdicts: readonly PlannedService[]): RuleVerdict | null {
  if (verdicts.every(({ verdict }) => verdict === "build")) return null;
  const of = (wanted: PlannedService["verdict"]) =>
    verdicts.flatMap(({ service, verdict }) => (verdict === wanted ? [service] : [])).join(", ") || "none";
  return {
    rule: imagesRule,
    passed: verdicts.some(({ verdict }) => verdict === "build"),
    saw: `to build: ${of("build")}; as they were: ${of("skip")}`,
  };
}

/** Of a plan that builds nothing; the verdicts say it of each. */
export function noImageRefusal(verdicts: readonly PlannedService[], changed: Changed | null): string {
  const { files, total = files.length } = changed ?? { files: [] };
  const names = verdicts.map(({ service }) => service).join(", ");
  return `no changed file matches the paths of any image (${names}); it was ${describeFiles(files, total)}`;
}

function judgeService({ services, asked, changed }: ServicesRequest, { name, paths }: Service): PlannedService {
  const build = (reason: string): PlannedService => ({ service: name, verdict: "build", reason });
  const skip = (reason: string): PlannedService => ({ service: name, verdict: "skip", reason });
  if (asked !== null) return asked === name ? build("it was asked for") : skip(`only ${asked} was asked for`);
  if (changed === null) return build("it was asked for with all others");
  if (paths.length === 0) return build("it names no paths: every merge builds it");
  const { files, total = files.length, replaced = [] } = changed;
  if (replaced.length > 0) return build(`it is not known what ${describeReplaced(replaced)} changed`);
  if (sizeOf(services.flatMap((service) => service.paths)) * sizeOf(files) > judgedMax)
    return build(`${total} changed files are too many to be judged`);
  const fitting = files.filter(fileMatcher(paths));
  if (fitting.length > 0) return build(`${describeFiles(fitting, fitting.length, shownMax)}`);
  if (files.includes(recipeFileName)) return build(`${recipeFileName} was changed, which says how it is made`);
  return skip(`no changed file matches its paths ${paths.join(", ")}; it was ${describeFiles(files, total, shownMax)}`);
}

function sizeOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** True when the service is built because of another one that is. */
function follow(
  { services, asked, isThere }: ServicesRequest,
  verdicts: Map<string, PlannedService>,
  { name, needs }: Service,
): boolean {
  const isBuilt = (service: string) => verdicts.get(service)?.verdict === "build";
  if (isBuilt(name)) return false;
  const base = asked === null ? needs.find(isBuilt) : undefined;
  const needy = isThere(name) ? undefined : services.find((one) => isBuilt(one.name) && one.needs.includes(name));
  if (base === undefined && needy === undefined) return false;
  const reason =
    base === undefined
      ? `${needy?.name} needs it, and this branch has no image of it that is up to date`
      : `it is FROM ${base}, which is built`;
  verdicts.set(name, { service: name, verdict: "build", reason });
  return true;
}
