// The webhook of the App as which a repository is asked, where it is installed there.
// Source: GitHub's REST API, "GitHub App webhooks" and "Get a repository installation for the authenticated app".

import { readFile } from "node:fs/promises";
import { createAppAuth } from "@octokit/auth-app";
import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import type { AppHook } from "../../core/ports.ts";
import type { Repository } from "../../core/recipe.ts";
import { githubApiUrl } from "./api.ts";
import { ask } from "./request.ts";

const config = z.object({ url: z.string().nullish() });
const installation = z.object({ events: z.array(z.string()).default([]), suspended_at: z.string().nullish() });

/** Null: it is not asked as an App. */
export function githubAppHook(repository: Repository): ((signal: AbortSignal) => Promise<AppHook | null>) | null {
  const { access, forge, name } = repository;
  if (access?.kind !== "github_app" || forge.tokenFile !== null) return null;
  const [owner = "", repo = ""] = name.split("/");
  const apiUrl = githubApiUrl(repository);
  return async (signal) => {
    const privateKey = await readFile(access.privateKeyFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
      throw new AppError("unauthorized", `the private key of the App cannot be read (${cause.code})`, { cause });
    });
    const { token } = await createAppAuth({ appId: access.appId, privateKey })({ type: "app" });
    const asks = (route: string) => ask({ apiUrl, authorization: `Bearer ${token}`, signal }, route, { owner, repo });
    try {
      const { url } = config.parse((await asks("GET /app/hook/config")).data);
      if (!url) return null;
      const found = installation.parse((await asks("GET /repos/{owner}/{repo}/installation")).data);
      return found.suspended_at ? null : { url, events: found.events };
    } catch (cause) {
      // An App without a webhook, or one that is not installed there.
      if (cause instanceof AppError && cause.code === "not_found") return null;
      throw cause;
    }
  };
}
