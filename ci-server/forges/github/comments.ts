// Comments of a pull request: ours, made once and edited in place. Source: GitHub's REST API, "Issue comments".

import { z } from "zod";
import type { ForgeRepository } from "../../core/ports.ts";
import type { Answer } from "./answer.ts";
import { type Ask, pageOf } from "./asking.ts";
import { parseAnswer } from "./client.ts";
import { withId } from "./ids.ts";

const pageSize = 100;
/** GitHub takes no more than 2,500 comments. */
const pagesMax = 25;
const route = "/repos/{owner}/{repo}/issues";
const comment = withId.extend({
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullish(),
  performed_via_github_app: z.object({ id: z.number(), client_id: z.string().nullish() }).nullish(),
});
const me = z.object({ login: z.string() });

type Comment = z.infer<typeof comment>;

/** `appId`: null where a person's token asks. */
export function createComments(ask: Ask, appId: string | null): Pick<ForgeRepository, "putComment" | "findComment"> {
  const isOurs = appId === null ? byUser(ask) : async () => byApp(appId);
  return {
    async putComment({ pullRequest, text }, id, signal) {
      const answer =
        id === null
          ? await ask(`POST ${route}/{pullRequest}/comments`, { pullRequest, body: text }, signal)
          : await ask(`PATCH ${route}/comments/{id}`, { id, body: text }, signal);
      return String(parseAnswer(withId, answer, "a comment").id);
    },
    async findComment(pullRequest, text, signal) {
      const isOne = await isOurs(signal);
      for await (const page of newestFirst(ask, pullRequest, signal)) {
        const found = page.findLast((one) => isOne(one) && one.body?.includes(text) === true);
        if (found !== undefined) return String(found.id);
      }
      return null;
    },
  };
}

/** The first page says which one is the last, where there are several. GitHub gives the oldest first. */
async function* newestFirst(ask: Ask, pullRequest: number, signal: AbortSignal): AsyncGenerator<readonly Comment[]> {
  const read = (page: number) =>
    ask(`GET ${route}/{pullRequest}/comments`, { pullRequest, per_page: pageSize, page }, signal);
  const first = await read(1);
  const last = Math.min(Number(pageOf(first, "last")?.searchParams.get("page") ?? 1), pagesMax);
  for (let page = last; page > 1; page -= 1) yield toComments(await read(page));
  yield toComments(first);
}

function toComments(answer: Answer): readonly Comment[] {
  return parseAnswer(z.array(comment), answer, "comments");
}

/** `appId`: the app's number, or its client id. */
function byApp(appId: string): (one: Comment) => boolean {
  return ({ performed_via_github_app: app }) => app != null && [String(app.id), app.client_id].includes(appId);
}

/** Asked each time, for a new token in the file may be another person's; the answer costs nothing while it is the same. */
function byUser(ask: Ask): (signal: AbortSignal) => Promise<(one: Comment) => boolean> {
  return async (signal) => {
    const { login } = parseAnswer(me, await ask("GET /user", {}, signal), "the token's user");
    return ({ user }) => user?.login.toLowerCase() === login.toLowerCase();
  };
}
