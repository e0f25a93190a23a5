// What `.mergedock.yml` may say, for the server that reads it and for the editor in which it is written.

import { z } from "zod";
import { concurrencies } from "./recipe.ts";
import { serviceFields, serviceName } from "./service.ts";

export const imagesMax = 100;

const image = z.strictObject({
  service: serviceName
    .optional()
    .describe(
      "Name of the image below the repository's; without it, or with the repository's own name, it is that one.",
    ),
  ...serviceFields,
});

export const recipeFileSchema = z.strictObject(
  {
    images: z
      .array(image)
      .min(1, "has to list an image")
      .max(imagesMax)
      .optional()
      .describe(
        "The images that are made of this repository. Without them it is one, from the Dockerfile at the root.",
      ),
    concurrency: z
      .enum(concurrencies)
      .optional()
      .describe(
        "queue: merges are built in order, one at a time. supersede: a newer merge replaces those that still wait. parallel: all at once. The default branch's file counts.",
      ),
  },
  'has to be names and values, such as "images:"',
);

/** The names there are at a place of the file. */
export function fieldsAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(recipeFileSchema.shape);
  return path.length === 2 ? Object.keys(image.shape) : [];
}

/** For editors: draft 7 is what they know best. */
export function recipeJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(recipeFileSchema, { io: "input", target: "draft-7" });
  return { $schema, title: "Mergedock: .mergedock.yml", ...schema };
}
