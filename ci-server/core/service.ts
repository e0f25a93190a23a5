// What a file says of one image, wherever the file stands: `services` of the server's configuration, `images` of the repository.

import { z } from "zod";
import { type ImageType, imageTypes } from "./image-type.ts";
import { looksLikeSecret } from "./secret-args.ts";
import { flavorMistake } from "./tags/flavor.ts";
import { tagRuleMistake } from "./tags/rule.ts";
import { templateMistake } from "./tags/template.ts";

export { type ImageType, imageTypes };

/** One image as somebody wrote it. Paths are relative: `context` to the checkout, `dockerfile` to the context. */
export interface Service {
  readonly name: string;
  readonly context: string;
  readonly dockerfile: string;
  /** Stage of the Dockerfile; null is the last one. */
  readonly target: string | null;
  /** Patterns of files as in a repository's `paths`; a merge that changes none of them leaves this image as it is. Empty: all files. */
  readonly paths: readonly string[];
  readonly args: Readonly<Record<string, string>>;
  /** Names of secrets whose values the server has; a step sees them as files, no layer does. */
  readonly secrets: readonly string[];
  /** Rules as docker/metadata-action's: `type=semver,pattern={{version}}`. */
  readonly tags: readonly string[];
  /** What holds for all of the rules, as docker/metadata-action's: `latest=false`. */
  readonly flavor: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly type: ImageType;
  /** Services of the same repository that have to be built before this one, because it is FROM them. */
  readonly needs: readonly string[];
  readonly noCache: boolean;
  /** Further registries' repositories that get it too: `registry.example.com/team/shop`. */
  readonly pushTo: readonly string[];
}

export const usualTags = [
  "type=sha",
  "type=ref,event=pr",
  "type=raw,value=latest,enable={{is_default_branch}}",
] as const;

/** One image of the repository's own name, from the Dockerfile at its root. */
export function usualService(name: string): Service {
  return {
    ...{ name, context: ".", dockerfile: "Dockerfile", target: null, paths: [], args: {}, secrets: [] },
    ...{ tags: usualTags, flavor: [], labels: {}, type: "docker", needs: [], noCache: false, pushTo: [] },
  };
}

export const relativePath = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => !text.startsWith("/") && !/\p{Cc}/u.test(text), "has to be a path relative to the repository")
  .refine((text) => !text.split(/[/\\]/).includes(".."), "must not lead out of the repository with ..");

/** As a file's name is written in git: it begins at the repository's root and has no . or .. in it. */
export const filePattern = z
  .string()
  .min(1)
  .max(250)
  .refine(
    (text) => text !== "!" && !/^(?:\/|!\/|!!)/.test(text),
    "has to begin with a folder or a file, such as services/cart/**",
  )
  .refine((text) => !text.split("/").some((part) => /^!?\.\.?$/.test(part)), "must not have . or .. as a segment")
  .refine((text) => !text.includes("\\") && !text.includes("\0"), "has to be written with / between the segments");

export const serviceName = z
  .string()
  .max(100)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, "has to be lower-case letters and digits, joined by single . _ -");

/** A number or a boolean is what YAML makes of `PORT: 80`. */
const text = z
  .union([z.string().max(4_000), z.number(), z.boolean()], "has to be text of at most 4000 characters")
  .transform(String);

const variable = z
  .string()
  .max(100)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "has to be the name of a variable")
  .refine(
    (name) => !looksLikeSecret(name),
    "looks like a secret, and args stand in the image's history for all to read; name it under secrets",
  );

export const secretName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "has to be letters, digits, . _ -");

/** A registry's host, and a name as image-ref.ts has it. */
const destinationPattern = /^[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+$/;

type FindMistake = (text: string) => string | null;

function reporting(find: FindMistake): (text: string, ctx: z.RefinementCtx) => void {
  return (text, ctx) => {
    const message = find(text);
    if (message !== null) ctx.addIssue({ code: "custom", message });
  };
}

/** A list, or a text with one on each line; blank lines and comments are left out. */
function lines(find: FindMistake) {
  return z
    .union(
      [z.string().transform((text) => text.split("\n")), z.array(z.string())],
      "has to be text with a rule in each line, or a list of rules",
    )
    .transform((all) => all.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")))
    .pipe(z.array(z.string().max(500).superRefine(reporting(find))).max(50));
}

/** What may be said of an image, but for its name. */
export const serviceFields = {
  context: relativePath.default(".").describe("Folder that is sent to the engine, relative to the repository's root."),
  dockerfile: relativePath.default("Dockerfile").describe("The Dockerfile, relative to the context."),
  target: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "has to be the name of a stage")
    .nullable()
    .default(null)
    .describe("Stage of the Dockerfile that is built; without it the last one."),
  paths: z
    .array(filePattern)
    .max(100)
    .default([])
    .describe(
      'Patterns of files, such as ["services/cart/**", "!**/*.md"]: the image is built only when the merge has changed one of them, and the last pattern that fits a file decides. Empty: every merge builds it.',
    ),
  args: z.record(variable, text).default({}).describe("Build arguments. They stand in the image: nothing secret here."),
  secrets: z
    .array(secretName)
    .max(50)
    .default([])
    .describe("Names of secrets that the server has for this repository: RUN --mount=type=secret,id=<name>."),
  tags: lines(tagRuleMistake)
    .default([...usualTags])
    .describe("Rules of tags as in docker/metadata-action, such as type=semver,pattern={{version}}: one in each line."),
  flavor: lines(flavorMistake)
    .default([])
    .describe(
      "What holds for all rules of tags: latest=auto, true or false; prefix= and suffix=, with onlatest=true behind it.",
    ),
  labels: z
    .record(z.string().min(1).max(200), text.superRefine(reporting(templateMistake)))
    .default({})
    .describe("Labels of the image, over those that every image has."),
  type: z.enum(imageTypes).default("docker").describe("What is made: an image of containers, or of a machine."),
  needs: z
    .array(serviceName)
    .max(50)
    .default([])
    .describe(
      'Services that are built before this one, because it is FROM them: of "base" the build argument BASE_IMAGE holds the image.',
    ),
  no_cache: z.boolean().default(false).describe("Whether each step is run again, whatever was built before."),
  push_to: z
    .array(z.string().max(255).regex(destinationPattern, "has to be host/name, without a tag"))
    .max(10)
    .default([])
    .describe("Further registries' repositories that get the image too, such as registry.example.com/team/shop."),
};

/** The names of the file's fields as the program spells them. */
export function toService({
  no_cache: noCache,
  push_to: pushTo,
  ...rest
}: { readonly name: string } & z.infer<z.ZodObject<typeof serviceFields>>): Service {
  return { ...rest, noCache, pushTo };
}
