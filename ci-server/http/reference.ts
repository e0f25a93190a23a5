// What the API says of itself: /openapi.json, /api for people to read, and /problems/<code>. Pages without any script.

import Router from "@koa/router";
import { AppError, errorCodes } from "../core/errors.ts";
import { isErrorCode, problems } from "../core/problems.ts";
import { type OpenApi, openApiDocument } from "./openapi.ts";

const style = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
code, pre { font: 14px/1.5 ui-monospace, monospace } h2 { margin: 2rem 0 0; font-size: 1.05rem } p { margin: .2rem 0 }
table { border-collapse: collapse; margin: .5rem 0 } td, th { text-align: left; vertical-align: top; padding: .1rem 1rem .1rem 0 }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700 } .muted { color: #57606a }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } a { color: #79b8ff } .muted { color: #9ea7b3 } }
`;
const stylePath = "/api/style.css";

/** Made once: it is the same for as long as the process runs. */
export function referenceRoutes(version: string): Router {
  const document = openApiDocument(version);
  const json = JSON.stringify(document);
  const page = referencePage(document);
  const router = new Router();
  router.get(["/openapi.json", "/api/v1/openapi.json"], (ctx) => {
    ctx.type = "application/json";
    ctx.body = json;
  });
  router.get("/api", (ctx) => {
    ctx.type = "text/html; charset=utf-8";
    ctx.body = page;
  });
  router.get(stylePath, (ctx) => {
    ctx.type = "text/css; charset=utf-8";
    ctx.body = style;
  });
  router.get("/problems/:code", (ctx) => {
    const code = ctx.params.code ?? "";
    if (!isErrorCode(code)) throw new AppError("not_found", `there is no problem "${code}"; /api lists them`);
    ctx.type = "text/html; charset=utf-8";
    ctx.body = html(`Problem: ${code.replaceAll("_", " ")}`, `<p>${escapeHtml(problems[code])}</p>`);
  });
  return router;
}

function referencePage({ paths = {}, info }: OpenApi): string {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, one]) => operationSection(path, method, one as Operation)),
  );
  const codes = errorCodes.map((code) => row([`<a href="/problems/${code}">${code}</a>`, escapeHtml(problems[code])]));
  const intro = `<p>${escapeHtml(info.description ?? "")}</p><p><a href="/openapi.json">openapi.json</a> has all of it for programs.</p>`;
  return html("Mergedock's API", `${intro}${operations.join("")}<h2>Problems</h2><table>${codes.join("")}</table>`);
}

/** What the page shows of one; operation.ts has written it. */
interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly "x-role"?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema?: Schema;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

function operationSection(path: string, method: string, operation: Operation): string {
  const { summary = "", description, parameters = [], requestBody, responses = {} } = operation;
  const role = operation["x-role"] === "none" ? "without a token" : `role ${operation["x-role"]}`;
  const fields = Object.entries(requestBody?.content["application/json"]?.schema?.properties ?? {});
  const rows = [
    ...parameters.map((one) => row([`<code>${escapeHtml(one.name)}</code>`, one.in, escapeHtml(typeOf(one.schema))])),
    ...fields.map(([name, schema]) => row([`<code>${escapeHtml(name)}</code>`, "body", escapeHtml(typeOf(schema))])),
    ...Object.entries(responses).map(([status, { description: what = "", content = {} }]) =>
      row([status, escapeHtml(contentOf(content)), escapeHtml(what)]),
    ),
  ];
  return `<section><h2><span class="method">${method.toUpperCase()}</span> <code>${escapeHtml(path)}</code></h2>
<p>${escapeHtml(summary)} <span class="muted">(${role})</span></p>${description === undefined ? "" : `<p>${escapeHtml(description)}</p>`}
<table>${rows.join("")}</table></section>`;
}

function contentOf(content: Content): string {
  return Object.entries(content)
    .map(([type, { schema }]) => (schema?.$ref === undefined ? type : `${type}: ${schema.$ref.split("/").at(-1)}`))
    .join(", ");
}

function typeOf(schema: Schema = {}): string {
  if (schema.enum !== undefined) return schema.enum.join(" | ");
  return [schema.type ?? schema.$ref?.split("/").at(-1) ?? ""].flat().join(" or ");
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

function html(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><link rel="stylesheet" href="${stylePath}"><main><h1>${escapeHtml(title)}</h1>${body}</main></html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
