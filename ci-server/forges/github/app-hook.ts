// The webhook of the App as which a repository is asked, where it is installed there.
// Source: GitHub's REST API, "GitHub App webhooks" and "Get a repository installation for the authenticated app".

import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import type { AppHook } from "../../core/ports.ts";
import type { Repository } from "../../core/recipe.ts";
import { githubApiUrl } from "./api-url.ts";
import type { GithubApps } from "./apps.ts";
import { parseAnswer } from "./client.ts";
import { createDeliveries } from "./hooks.ts";

const config = z.object({ url: z.string().nullish() });
const installation = z.object({ events: z.array(z.string()).default([]), suspended_at: z.string().nullish() });

/** Null: it is not asked as an App. */
export function githubAppHook(
  apps: GithubApps,
  repository: Repository,
): ((signal: AbortSignal) => Promise<AppHook | null>) | null {
  const { access, forge, name } = repository;
  if (access?.kind !== "github_app" || forge.tokenFile !== null) return null;
  const [owner = "", repo = ""] = name.split("/");
  const about = { access, apiUrl: githubApiUrl(repository) };
  const deliveries = createDeliveries(
    (route, parameters, signal) => apps.ask(about, { route, parameters, signal }),
    "/app/hook/deliveries",
  );
  return async (signal) => {
    const asks = (route: string) => apps.ask(about, { route, parameters: { owner, repo }, signal });
    try {
      const { url } = parseAnswer(config, await asks("GET /app/hook/config"), "the App's webhook");
      if (!url) return null;
      const answer = await asks("GET /repos/{owner}/{repo}/installation");
      const found = parseAnswer(installation, answer, `the installation for ${name}`);
      return found.suspended_at ? null : { url, events: found.events, deliveries };
    } catch (cause) {
      // An App without a webhook, or one that is not installed there.
      if (cause instanceof AppError && cause.code === "not_found") return null;
      throw cause;
    }
  };
}
