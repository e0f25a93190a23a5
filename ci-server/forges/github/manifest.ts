// The second half of making an App from a manifest: GitHub gives what it has made for a code, once and within the hour.
// Source: GitHub's REST API, "Create a GitHub App from a manifest".

import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import type { MadeApp } from "../../core/ports.ts";

const answerMsMax = 30_000;
/** As of a configured one: with an empty secret anybody signs. */
const secretCharsMin = 16;
const made = z.object({
  id: z.number().int().positive(),
  slug: z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
  html_url: z.url({ protocol: /^https?$/ }),
  pem: z.string().min(1),
  webhook_secret: z.string().nullable(),
});

/** `host`: `https://github.com`. Throws `not_found` (no such code, or it was used), `unavailable`. */
export async function convertManifest(host: string, code: string, signal: AbortSignal): Promise<MadeApp> {
  const api = host === "https://github.com" ? "https://api.github.com" : `${host}/api/v3`;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
  const headers = { accept: "application/vnd.github+json", "user-agent": "mergedock" };
  const url = `${api}/app-manifests/${encodeURIComponent(code)}/conversions`;
  const request = { method: "POST", headers, signal: limited, redirect: "manual" } as const;
  const response = await fetch(url, request).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new AppError("unavailable", `${api} does not answer`, { cause });
  });
  // The answer holds secrets: of a bad one only the status is told.
  if (response.status === 404 || response.status === 422)
    throw new AppError("not_found", "GitHub does not know this code, or it was used already: make the App once more");
  if (response.status !== 201) throw new AppError("unavailable", `GitHub answered ${response.status} to the code`);
  const parsed = made.safeParse(await response.json().catch(() => null));
  if (!parsed.success) throw new AppError("unavailable", "GitHub's answer to the code is not an App");
  const { id, slug, html_url: pageUrl, pem: privateKey, webhook_secret: webhookSecret } = parsed.data;
  if (webhookSecret !== null && webhookSecret.trim().length < secretCharsMin)
    throw new AppError(
      "unavailable",
      `the App's webhook secret is too weak: delete ${slug} there, and make it once more`,
    );
  return { id: String(id), slug, pageUrl, privateKey, webhookSecret };
}
