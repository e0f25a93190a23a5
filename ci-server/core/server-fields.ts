// What the server's configuration may fix or forbid of that which a repository's own file says.

import { z } from "zod";
import { pathText } from "./mistake.ts";
import { needsMistakes } from "./needs.ts";
import { type Service, serviceFields } from "./service.ts";

/**
 * In place of what the file says of each of its images; args and labels name by name. Of `needs` the images that it names, which
 * the others need, keep what the file says. A name is not fixed: it tells one image from another.
 */
export type FixedFields = Readonly<Partial<Omit<Service, "name">>>;

/** The names as the file spells them. Without `service` there is one image, of the repository's own name. */
export const forbiddenFields = [
  ...(Object.keys(serviceFields) as readonly (keyof typeof serviceFields)[]), // the names of an object's own fields
  "service",
  "images",
  "concurrency",
] as const;
export type ForbiddenField = (typeof forbiddenFields)[number];

const whyNoService =
  'cannot be fixed: the name tells one image from another; list them under "services", or forbid the file to name any: forbidden: [service]';

/** The same fields without their defaults: what is not there is not fixed. */
export const fixedFields = z
  .strictObject({
    context: serviceFields.context.unwrap().optional(),
    dockerfile: serviceFields.dockerfile.unwrap().optional(),
    target: serviceFields.target.unwrap().optional(),
    paths: serviceFields.paths.unwrap().optional(),
    args: serviceFields.args.unwrap().optional(),
    secrets: serviceFields.secrets.unwrap().optional(),
    tags: serviceFields.tags.unwrap().optional(),
    flavor: serviceFields.flavor.unwrap().optional(),
    labels: serviceFields.labels.unwrap().optional(),
    needs: serviceFields.needs.unwrap().optional(),
    service: z.never(whyNoService).optional(),
    type: serviceFields.type.unwrap().optional(),
    no_cache: serviceFields.no_cache.unwrap().optional(),
    push_to: serviceFields.push_to.unwrap().optional(),
  })
  .transform(({ no_cache: noCache, push_to: pushTo, service: _never, ...rest }): FixedFields => {
    const said = Object.entries({ ...rest, noCache, pushTo }).filter(([, value]) => value !== undefined);
    return Object.fromEntries(said); // the same fields, those without a value left out
  });

export function withFixed(service: Service, fixed: FixedFields): Service {
  const { args, labels, name } = service;
  const needs = fixed.needs === undefined || fixed.needs.includes(name) ? service.needs : fixed.needs;
  return { ...service, ...fixed, needs, args: { ...args, ...fixed.args }, labels: { ...labels, ...fixed.labels } };
}

/** Why what is fixed does not fit the images of a commit, a sentence for each mistake. `services`: with what is fixed. */
export function fixedMistakes(services: readonly Service[]): string[] {
  return needsMistakes(services).map(({ path: [index, ...field], message }) => {
    const { name } = services[Number(index)] ?? { name: "" };
    return `the server's configuration does not fit the images of this commit: ${name}: ${pathText(field)}: ${message}`;
  });
}
