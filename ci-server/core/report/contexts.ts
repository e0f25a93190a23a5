// Under which names a forge is told of a build: one for each image, as far as anybody knows them.

import type { Build } from "../build.ts";
import type { ReportFacts, Told } from "./report.ts";

const prefix = "ci/mergedock";

export interface Context {
  /** `ci/mergedock/cart`. */
  readonly name: string;
  /** Null: the build as a whole. */
  readonly service: string | null;
}

type Known = Pick<ReportFacts, "configured" | "lastPlanned" | "newer">;

/**
 * Until the plan is known those that the repository is likely to have. One that was told of and is not in the plan is in here
 * too: what is pending has to end. One that a later build of the commit speaks for is not.
 */
export function contextsOf(build: Build, known: Known, told: Told): readonly Context[] {
  const services = servicesOf(build, known);
  const contexts = services.length === 0 ? [toContext(null)] : services.map(toContext);
  const left = Object.keys(told).flatMap((name) =>
    name !== prefix && !name.startsWith(`${prefix}/`) ? [] : [fromName(name)],
  );
  const all = new Map([...left, ...contexts].map((context) => [context.name, context]));
  return [...all.values()].filter(({ service }) => !isOvertaken(build, known, service));
}

function servicesOf({ service, plan }: Build, { configured, lastPlanned }: Known): readonly string[] {
  if (plan !== null) {
    const wanted = plan.filter((one) => service === null || one.verdict === "build" || one.service === service);
    return wanted.map((one) => one.service);
  }
  return service === null ? (configured ?? lastPlanned) : [service];
}

function isOvertaken({ sha }: Build, { newer }: Known, service: string | null): boolean {
  return newer.some((one) => one.sha === sha && (one.service === null || one.service === service));
}

function toContext(service: string | null): Context {
  return { name: service === null ? prefix : `${prefix}/${service}`, service };
}

function fromName(name: string): Context {
  return toContext(name === prefix ? null : name.slice(prefix.length + 1));
}
