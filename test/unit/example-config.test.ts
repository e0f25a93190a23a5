// mergedock.example.yml: it can be loaded as it is, says the defaults, and names every field that there is.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import type { z } from "zod";
import { configFile } from "../../ci-server/config-schema.ts";
import { root } from "../helpers/folders.ts";

const text = readFileSync(join(root, "mergedock.example.yml"), "utf8");

describe("the example of the configuration", () => {
  it("is one, with the defaults", () => {
    const { repositories, ...rest } = parse(text) as Record<string, unknown>;
    expect(configFile.parse({ ...rest, repositories })).to.deep.equal(configFile.parse({ repositories }));
  });

  for (const { section, name, path } of fieldsOf(configFile)) {
    it(`names ${path}`, () => {
      const lines = sectionOf(section);
      // What a file's images may have fixed is told in one sentence.
      const pattern = path.includes(".fixed.") ? new RegExp(`\\b${name}\\b`) : new RegExp(`(?<![\\w.-])${name}:`);
      expect(lines, `of the section "${section}"`).to.match(pattern);
    });
  }
});

interface Field {
  /** The name at the top of the file. */
  readonly section: string;
  readonly name: string;
  readonly path: string;
}

/** Every name that the schema has, however deep. */
function fieldsOf(schema: z.core.$ZodType, above: readonly string[] = []): Field[] {
  return shapesOf(schema).flatMap((shape) =>
    Object.entries(shape).flatMap(([name, field]) => {
      // A field that is refused with a reason is none.
      if (innermost(field) === "never") return [];
      const path = [...above, name];
      return [{ section: path[0] ?? "", name, path: path.join(".") }, ...fieldsOf(field, path)];
    }),
  );
}

type Shape = Readonly<Record<string, z.core.$ZodType>>;

/** Of the objects that a schema is, below what is around them: lists, defaults, transformations. */
function shapesOf(schema: z.core.$ZodType): Shape[] {
  const { def } = (schema as z.core.$ZodTypes)._zod; // all schemas are of these
  if (def.type === "object") return [def.shape];
  return innerOf(schema).flatMap(shapesOf);
}

function innermost(schema: z.core.$ZodType): string {
  const [inner] = innerOf(schema);
  return inner === undefined ? schema._zod.def.type : innermost(inner);
}

function innerOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const { def } = (schema as z.core.$ZodTypes)._zod; // all schemas are of these
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "catch":
    case "readonly":
      return [def.innerType];
    case "pipe":
      return [def.in];
    case "array":
      return [def.element];
    case "record":
      return [def.valueType];
    case "union":
      return def.options;
    default:
      return [];
  }
}

/** From the line that begins with the name, commented out or not, to the next such line. */
function sectionOf(section: string): string {
  const names = Object.keys(configFile.shape);
  const lines = text.split("\n");
  const nameOf = (line: string) => names.find((name) => new RegExp(`^(?:# )?${name}:`).test(line));
  const begin = lines.findIndex((line) => nameOf(line) === section);
  if (begin < 0) return "";
  const length = lines.slice(begin + 1).findIndex((line) => nameOf(line) !== undefined);
  return lines.slice(begin, length < 0 ? undefined : begin + 1 + length).join("\n");
}
