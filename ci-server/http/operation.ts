// How a route is described for openapi.json: by the schemas that read its requests and those of its answers.

import type { z } from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponseObject } from "zod-openapi";
import type { AccessRole } from "../core/accounts.ts";
import { problemView } from "../core/views/system.ts";

export type Paths = ZodOpenApiPathsObject;

export interface Answer {
  readonly description?: string;
  readonly schema?: z.ZodType;
  /** Where it is not JSON. */
  readonly types?: readonly string[];
  readonly headers?: z.ZodObject;
}

export interface Described {
  readonly summary: string;
  readonly description?: string;
  /** Who may ask; null: anybody. */
  readonly role: AccessRole | null;
  readonly path?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answers: Readonly<Record<number, Answer>>;
}

export function operation(described: Described): ZodOpenApiOperationObject {
  const { summary, description, role, path, query, headers, body, answers } = described;
  return {
    summary,
    ...(description !== undefined && { description }),
    "x-role": role ?? "none",
    security: role === null ? [] : [{ token: [] }, { session: [] }],
    requestParams: {
      ...(path !== undefined && { path }),
      ...(query !== undefined && { query }),
      ...(headers !== undefined && { header: headers }),
    },
    ...(body !== undefined && { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, toResponse(answer)])),
      default: { description: "What is wrong", content: { "application/problem+json": { schema: problemView } } },
    },
  };
}

function toResponse({ description = "As asked for", schema, types, headers }: Answer): ZodOpenApiResponseObject {
  const all = types ?? (schema === undefined ? [] : ["application/json"]);
  const content = Object.fromEntries(all.map((type) => [type, { ...(schema !== undefined && { schema }) }]));
  return { description, ...(all.length > 0 && { content }), ...(headers !== undefined && { headers }) };
}
