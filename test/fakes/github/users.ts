// Users as the API shows them. Source: GitHub's REST API, schema "simple-user".

import type { components } from "@octokit/openapi-types";
import type { FakeState } from "./state.ts";

/** Apps end in `[bot]`. */
export function simpleUser({ url }: FakeState, login: string): components["schemas"]["simple-user"] {
  const api = `${url}/api/v3/users/${encodeURIComponent(login)}`;
  const id = [...login].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 2 ** 31;
  return {
    ...{ login, id, node_id: `U_${id}`, avatar_url: "", gravatar_id: null, url: api, html_url: `${url}/${login}` },
    ...{ followers_url: `${api}/followers`, following_url: `${api}/following`, gists_url: `${api}/gists` },
    ...{ starred_url: `${api}/starred`, subscriptions_url: `${api}/subscriptions`, repos_url: `${api}/repos` },
    ...{ organizations_url: `${api}/orgs`, events_url: `${api}/events`, received_events_url: `${api}/received_events` },
    ...{ type: login.endsWith("[bot]") ? "Bot" : "User", site_admin: false },
  };
}
