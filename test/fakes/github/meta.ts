// What the API says of itself and of who asks: where deliveries come from, how many questions are left, whose token it is.
// Source: GitHub's REST API, "Meta", "Rate limits", "Users".

import type { components } from "@octokit/openapi-types";
import type { Answer } from "./routes.ts";
import type { FakeState } from "./state.ts";
import { simpleUser } from "./users.ts";

/** Ranges of the kind that github.com gives; which they are changes. */
export const githubHookRanges = [
  ...["192.30.252.0/22", "185.199.108.0/22", "140.82.112.0/20", "143.55.64.0/20"],
  ...["2a0a:a440::/29", "2606:50c0::/32"],
];

/** Null: the path is none of these. */
export function answerMeta(state: FakeState, login: string | null, path: string): Answer | null {
  if (path === "/meta") return { status: 200, body: overview(state) };
  if (path === "/user") return userOf(state, login);
  return path === "/rate_limit" ? { status: 200, body: budget(state, login) } : null;
}

/** An App's installation is nobody's account. */
function userOf(state: FakeState, login: string | null): Answer {
  if (login === null) return { status: 401, body: { message: "Requires authentication" } };
  if (login.endsWith("[bot]")) return { status: 403, body: { message: "Resource not accessible by integration" } };
  return { status: 200, body: simpleUser(state, login) };
}

function overview({ hookRanges }: FakeState): components["schemas"]["api-overview"] {
  return { verifiable_password_authentication: false, hooks: [...hookRanges] };
}

function budget({ limits }: FakeState, login: string | null): components["schemas"]["rate-limit-overview"] {
  const core = limits.of(login);
  const search = { limit: 30, remaining: 30, reset: core.reset, used: 0 };
  return { resources: { core, search }, rate: core };
}
