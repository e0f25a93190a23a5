// Holds answers of the API against openapi.json: a path, a status, a type or a field that it does not have is an error.

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { openApiDocument } from "../../ci-server/http/openapi.ts";

interface Documented {
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

const document = openApiDocument("0");
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(document, "openapi");
const validators = new Map<string, ValidateFunction>();
const templates = Object.keys(document.paths ?? {}).map((path) => ({
  path,
  pattern: new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`),
  parameters: path.split("{").length,
}));

/** Reads a copy of what is answered as JSON; a log or a stream of events is left as it is. */
export async function checkAnswer(method: string, url: string, response: Response): Promise<void> {
  const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const json = /[/+]json$/.test(type) ? await response.clone().json() : undefined;
  const problem = mismatch(
    { method: method.toLowerCase(), pathname: new URL(url).pathname },
    response.status,
    type,
    json,
  );
  if (problem === null) return;
  await response.body?.cancel();
  throw new Error(`openapi.json does not say so: ${method} ${url} -> ${response.status} ${type}: ${problem}`);
}

interface Asked {
  readonly method: string;
  readonly pathname: string;
}

/** What does not fit, or null. */
export function mismatch({ method, pathname }: Asked, status: number, type: string, json: unknown): string | null {
  const path = pathOf(pathname);
  const operation = path === null ? undefined : operationOf(path, method === "head" ? "get" : method);
  if (path === null || operation === undefined) return undocumented(status, type, json);
  const key = operation.responses?.[status] === undefined ? "default" : String(status);
  const content = operation.responses?.[key]?.content;
  if (key === "default" && status < 400) return "the status is not there";
  if (content === undefined) return type === "" ? null : "an answer without content has some";
  if (content[type] === undefined) return `the type is not there; there are: ${Object.keys(content).join(", ")}`;
  if (json === undefined || (content[type] as { schema?: unknown }).schema === undefined) return null;
  return validate(["paths", path, method, "responses", key, "content", type, "schema"], json);
}

function pathOf(pathname: string): string | null {
  const fitting = templates.filter(({ pattern }) => pattern.test(pathname));
  return fitting.toSorted((one, other) => one.parameters - other.parameters)[0]?.path ?? null;
}

function operationOf(path: string, method: string): Documented | undefined {
  const item = document.paths?.[path] as Readonly<Record<string, Documented>> | undefined; // as OpenAPI has it
  return item?.[method];
}

/** What is not there is answered with a problem. */
function undocumented(status: number, type: string, json: unknown): string | null {
  if (status < 400 || type !== "application/problem+json") return "the path or its method is not there";
  return validate(["components", "schemas", "Problem"], json);
}

function validate(place: readonly string[], json: unknown): string | null {
  const pointer = place.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");
  const known = validators.get(pointer) ?? ajv.compile({ $ref: `openapi#/${pointer}` });
  validators.set(pointer, known);
  return known(json) ? null : ajv.errorsText(known.errors, { dataVar: "answer" });
}
