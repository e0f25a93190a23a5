// What the server's configuration may fix or forbid of that which a repository's own file says.

import { z } from "zod";
import { type Service, serviceFields } from "./service.ts";

/** In place of what the file says of each of its images; args and labels name by name. */
export type FixedFields = Readonly<Partial<Omit<Service, "name" | "needs">>>;

/** The names as the file spells them. */
export const forbiddenFields = [
  ...(Object.keys(serviceFields) as readonly (keyof typeof serviceFields)[]), // the names of an object's own fields
  "images",
  "concurrency",
] as const;
export type ForbiddenField = (typeof forbiddenFields)[number];

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
    type: serviceFields.type.unwrap().optional(),
    no_cache: serviceFields.no_cache.unwrap().optional(),
    push_to: serviceFields.push_to.unwrap().optional(),
  })
  .transform(({ no_cache: noCache, push_to: pushTo, ...rest }): FixedFields => {
    const said = Object.entries({ ...rest, noCache, pushTo }).filter(([, value]) => value !== undefined);
    return Object.fromEntries(said); // the same fields, those without a value left out
  });

export function withFixed(service: Service, fixed: FixedFields): Service {
  const { args, labels } = service;
  return { ...service, ...fixed, args: { ...args, ...fixed.args }, labels: { ...labels, ...fixed.labels } };
}
