// Making an App from a manifest: the page that a browser posts it to, the person's word, the way back, and the conversion.
// Source: GitHub documentation, "Registering a GitHub App from a manifest"; REST API, "Create a GitHub App from a manifest".

import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createApp, type FakeApp } from "./apps.ts";
import type { Answer } from "./routes.ts";
import type { FakeState } from "./state.ts";

const codeMs = 3_600_000;
const newApp = /^\/(?:organizations\/([^/]+)\/)?settings\/apps\/new$/;
const create = "/settings/apps/manifest";

export interface Manifest {
  readonly name: string;
  readonly url: string;
  readonly redirect_url: string;
  readonly public: boolean;
  readonly hook_attributes: { readonly url: string; readonly active: boolean };
  readonly default_permissions: Readonly<Record<string, string>>;
  readonly default_events: readonly string[];
}

export interface PendingApp {
  readonly manifest: Manifest;
  readonly organization: string | null;
  readonly endsMs: number;
}

export interface ManifestParts {
  readonly state: FakeState;
  readonly apps: FakeApp[];
}

export function isManifestPage(request: IncomingMessage): boolean {
  const [path = ""] = (request.url ?? "").split("?");
  return newApp.test(path) || path === create;
}

/** As a person who is signed in there sees it: one button. */
export async function answerPage(
  { state: fake }: Pick<ManifestParts, "state">,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const url = new URL(request.url ?? "", fake.url);
  let text = "";
  for await (const chunk of request) text += chunk;
  const form = new URLSearchParams(text);
  const state = url.searchParams.get("state") ?? "";
  const manifest = form.get("manifest") ?? "";
  const isPosted = request.method === "POST" && request.headers["content-type"] === "application/x-www-form-urlencoded";
  if (!isPosted || !isComplete(manifest)) {
    response.writeHead(422, { "content-type": "text/plain" }).end("Invalid GitHub App configuration");
    return;
  }
  const organization = newApp.exec(url.pathname)?.[1] ?? url.searchParams.get("organization");
  if (url.pathname !== create) {
    const query = new URLSearchParams({ state, ...(organization !== null && { organization }) });
    response.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><title>Create GitHub App</title>
<form method="post" action="${create}?${query}"><input type="hidden" name="manifest" value="${inAttribute(manifest)}">
<button>Create GitHub App</button></form>`);
    return;
  }
  const code = randomBytes(20).toString("hex");
  const given = JSON.parse(manifest) as Manifest; // it is complete
  fake.pendingApps.set(code, { manifest: given, organization, endsMs: fake.clock.now().getTime() + codeMs });
  const back = new URL(given.redirect_url);
  back.search = new URLSearchParams({ code, state }).toString();
  response.writeHead(302, { location: back.href }).end();
}

function isComplete(text: string): boolean {
  const { name, url, redirect_url, hook_attributes } = JSON.parse(text || "{}") as Partial<Manifest>; // each is looked at
  return [name, url, redirect_url, hook_attributes?.url].every((one) => typeof one === "string" && one !== "");
}

function inAttribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}

/** Of a path below the API's root; null: none of these. No token is asked for: the code is one. */
export function answerConversion({ state, apps }: ManifestParts, method: string, path: string): Answer | null {
  const code = /^\/app-manifests\/([^/]+)\/conversions$/.exec(path)?.[1];
  if (method !== "POST" || code === undefined) return null;
  const found = state.pendingApps.get(code);
  state.pendingApps.delete(code);
  if (found === undefined || found.endsMs <= state.clock.now().getTime())
    return { status: 404, body: { message: "Not Found" } };
  const { manifest, organization } = found;
  const app = createApp(String(state.nextId()));
  apps.push(app);
  const secret = randomBytes(20).toString("hex");
  app.hook = { url: manifest.hook_attributes.url, secret, events: manifest.default_events };
  return {
    status: 201,
    body: {
      ...{ id: Number(app.id), slug: app.slug, node_id: "A_1", name: manifest.name },
      owner: { login: organization ?? "admin" },
      html_url: `${state.url}/github-apps/${app.slug}`,
      ...{ client_id: `Iv1.${app.id}`, client_secret: randomBytes(20).toString("hex"), webhook_secret: secret },
      ...{ pem: app.privateKey, permissions: manifest.default_permissions, events: manifest.default_events },
    },
  };
}
