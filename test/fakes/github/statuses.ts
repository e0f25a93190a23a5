// Commit statuses and check runs. Source: GitHub's REST API, "Commit statuses" and "Check runs".

import { type Answer, notFound, type Question, type Route, unprocessable } from "./routes.ts";
import type { CheckRecord } from "./state.ts";

const statesOf = ["error", "failure", "pending", "success"];
const descriptionMax = 140;
const perContextMax = 1_000;

export const statusRoutes: readonly Route[] = [
  { method: "POST", path: "/statuses/:sha", needs: { permission: "statuses", level: "write" }, answer: addStatus },
  {
    ...{ method: "GET", path: "/commits/:sha/statuses", needs: { permission: "statuses", level: "read" } },
    answer: ({ repository, path }) => ({
      status: 200,
      body: (repository.statuses.get(path.sha ?? "") ?? []).toReversed(),
    }),
  },
  { method: "POST", path: "/check-runs", needs: { permission: "checks", level: "write" }, answer: addCheck },
  { method: "PATCH", path: "/check-runs/:id", needs: { permission: "checks", level: "write" }, answer: changeCheck },
];

async function addStatus({ state, repository, token, path: { sha = "" }, body }: Question): Promise<Answer> {
  const { context = "default", state: given, description = null, target_url = null } = body as Record<string, string>;
  if (!statesOf.includes(String(given))) return unprocessable("state is not included in the list");
  if (description !== null && description.length > descriptionMax) return unprocessable("description is too long");
  if (!(await repository.git.resolve(sha).catch(() => null))) return unprocessable(`No commit found for SHA: ${sha}`);
  const all = repository.statuses.get(sha) ?? [];
  if (all.filter((one) => one.context === context).length >= perContextMax)
    return unprocessable("This SHA and context has reached the maximum number of statuses.");
  const status = { id: state.nextId(), context, state: String(given), description, target_url, creator: token.login };
  repository.statuses.set(sha, [...all, status]);
  return { status: 201, body: { ...status, creator: { login: token.login } } };
}

async function addCheck(question: Question): Promise<Answer> {
  const { state, token, repository, body } = question;
  if (token.permissions === null) return { status: 403, body: { message: "You must authenticate via a GitHub App." } };
  const sha = String(body.head_sha);
  if (!(await repository.git.resolve(sha).catch(() => null))) return unprocessable(`No commit found for SHA: ${sha}`);
  const check = { id: state.nextId(), head_sha: sha, fields: { ...body } };
  const mistake = checkMistake(check);
  if (mistake !== null) return unprocessable(mistake);
  repository.checks.set(check.id, check);
  return { status: 201, body: { id: check.id, ...check.fields } };
}

function changeCheck({ repository, path, body }: Question): Answer {
  const check = repository.checks.get(Number(path.id));
  if (check === undefined) return notFound;
  const fields = { ...check.fields, ...body };
  const mistake = checkMistake({ ...check, fields });
  if (mistake !== null) return unprocessable(mistake);
  check.fields = fields;
  return { status: 200, body: { id: check.id, ...fields } };
}

/** docs: annotations at most 50 in a request, `completed` needs a conclusion, output needs a title and a summary. */
function checkMistake({ fields }: CheckRecord): string | null {
  const { status, conclusion, output } = fields as { status?: string; conclusion?: string; output?: Output };
  if (status === "completed" && conclusion === undefined) return "conclusion is missing";
  if (output !== undefined && (!output.title || output.summary === undefined)) return "output lacks title or summary";
  if ((output?.annotations?.length ?? 0) > 50) return "annotations: at most 50";
  return null;
}

interface Output {
  readonly title?: string;
  readonly summary?: string;
  readonly annotations?: readonly unknown[];
}
