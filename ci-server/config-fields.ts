// Every field that mergedock.yml may have, as its schema says it: type, default, and what is allowed.

import { z } from "zod";
import { configFile } from "./config-schema.ts";
import { suggestion } from "./core/closest-word.ts";

export interface ConfigField {
  /** Names from the top of the file; a list's items have the list's name. */
  readonly path: readonly string[];
  /** For each of these names whether it is a list of sections. */
  readonly listed: readonly boolean[];
  readonly type: string;
  /** As YAML writes it; null: the field has none, or has to be there. */
  readonly fallback: string | null;
  readonly isRequired: boolean;
  /** Sentences; none where any value of the type is. */
  readonly allowed: readonly string[];
  /** What the schema itself says of the field. */
  readonly description: string | null;
  /** Of an object, or of a list of objects. */
  readonly fields: readonly ConfigField[];
}

type Schema = z.core.JSONSchema.BaseSchema;

export function configFields(): readonly ConfigField[] {
  const schema = z.toJSONSchema(configFile, { io: "input", unrepresentable: "any", override: withMessages });
  return fieldsOf(schema, { path: [], listed: [] });
}

/** JSON Schema has no place for the sentences of our own checks, and loses defaults of what is transformed. */
function withMessages({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: Schema }): void {
  const { def } = zodSchema._zod;
  if (def.type === "default") jsonSchema.default = def.defaultValue;
  const messages = [def, ...(def.checks ?? []).map((check) => check._zod.def)].flatMap(messageOf);
  if (messages.length > 0) jsonSchema.messages = [...new Set([...messagesOf(jsonSchema), ...messages])];
}

function messagesOf({ messages }: Schema): string[] {
  return Array.isArray(messages) ? messages.map(String) : [];
}

/** The sentence with which a value is refused; zod's own of a mere type are none of ours. */
function messageOf(def: object): string[] {
  const error: unknown = "error" in def ? def.error : undefined;
  const said: unknown = typeof error === "function" ? error({ code: "custom", path: [], params: {} }) : undefined;
  return typeof said === "string" ? [said] : [];
}

/** `; did you mean "workers"? There are: …`, of one field that there is not. */
export function meantBy(issue: z.core.$ZodIssue): string {
  if (issue.code !== "unrecognized_keys" || issue.keys.length !== 1) return "";
  const names = issue.path.filter((one) => typeof one === "string");
  const known = names.reduce<readonly ConfigField[]>(
    (fields, name) => fields.find(({ path }) => path.at(-1) === name)?.fields ?? [],
    configFields(),
  );
  return known.length === 0
    ? ""
    : `; ${suggestion(
        issue.keys[0] ?? "",
        known.map(({ path }) => path.at(-1) ?? ""),
      )}`;
}

type Above = Pick<ConfigField, "path" | "listed">;

function fieldsOf(schema: Schema, above: Above): ConfigField[] {
  const variants = variantsOf(schema);
  const names = new Set(variants.flatMap(({ properties }) => Object.keys(properties ?? {})));
  return [...names].flatMap((name) => {
    const having = variants.filter(({ properties }) => properties?.[name] !== undefined);
    const given = having.map(({ properties }) => asSchema(properties?.[name]));
    const [first] = given;
    // A field that is refused with a reason is none.
    if (first === undefined || first.not !== undefined) return [];
    const isRequired = variants.every(({ required }) => required?.includes(name));
    const only = having.length < variants.length ? [`of type ${having.map(kindOf).join(", ")} only`] : [];
    const merged = given.every(({ const: one }) => one !== undefined)
      ? { enum: given.map(({ const: one }) => one) }
      : first;
    return [toField(name, asSchema(merged), { above, isRequired, only })];
  });
}

/** The objects that a schema may be: below null, lists and kinds. */
function variantsOf(schema: Schema): Schema[] {
  if (schema.type === "array" && schema.items !== undefined && !Array.isArray(schema.items))
    return variantsOf(asSchema(schema.items));
  const choices = schema.oneOf ?? schema.anyOf;
  return choices === undefined
    ? [schema].filter(({ properties }) => properties)
    : choices.map(asSchema).flatMap(variantsOf);
}

function kindOf({ properties }: Schema): string {
  return `\`${asSchema(properties?.type).const}\``;
}

interface Place {
  readonly above: Above;
  readonly isRequired: boolean;
  readonly only: readonly string[];
}

function toField(name: string, schema: Schema, { above, isRequired, only }: Place): ConfigField {
  const isList = schema.type === "array" && variantsOf(schema).length > 0;
  const place = { path: [...above.path, name], listed: [...above.listed, isList] };
  const fields = fieldsOf(schema, place);
  const isGroup = fields.length > 0 && JSON.stringify(schema.default ?? {}) === "{}";
  return {
    ...{ ...place, isRequired, fields, type: typeOf(schema) },
    fallback: schema.default === undefined || isGroup ? null : JSON.stringify(schema.default),
    allowed: [...new Set([...only, ...allowedOf(schema)])],
    description: schema.description ?? null,
  };
}

function typeOf(schema: Schema): string {
  const choices = (schema.oneOf ?? schema.anyOf)?.map(asSchema);
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(" or ");
  if (schema.type === "array") return `list of ${typeOf(asSchema(schema.items))}`;
  if (schema.type === "object")
    return schema.properties === undefined ? `names and ${typeOf(asSchema(schema.additionalProperties))}` : "section";
  if (schema.type === undefined) return "text";
  return [schema.type]
    .flat()
    .map((one) => typeNames[one] ?? one)
    .join(" or ");
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  integer: "number",
  null: "`null`",
  boolean: "`true` or `false`",
};

function allowedOf(schema: Schema): string[] {
  const { minimum, exclusiveMinimum, maximum, maxItems } = schema;
  const below = [...(schema.anyOf ?? []), schema.items].flatMap((one) => one ?? []).map(asSchema);
  if (schema.enum !== undefined) return [schema.enum.map((one) => `\`${one}\``).join(", ")];
  const limits = [
    minimum === undefined ? "" : `${minimum} or more`,
    exclusiveMinimum === undefined ? "" : `more than ${exclusiveMinimum}`,
    maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? "" : `${maximum} at most`,
    maxItems === undefined ? "" : `${maxItems} entries at most`,
  ];
  const inner = below.filter(({ properties }) => properties === undefined).flatMap(allowedOf);
  return [...messagesOf(schema), ...limits.filter((one) => one !== ""), ...inner];
}

/** Nothing here is a schema that allows all or nothing. */
function asSchema(value: unknown): Schema {
  return isSchema(value) ? value : {};
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null;
}
