// Commit statuses and check runs. Source: GitHub's REST API, "Commit statuses" and "Check runs".

import type { components } from "@octokit/openapi-types";
import { hasCommit } from "./replica.ts";
import { type Answer, notFound, pageOf, type Question, type Route, unprocessable } from "./routes.ts";
import type { CheckRecord, StatusRecord } from "./state.ts";
import { simpleUser } from "./users.ts";

const statesOf = ["error", "failure", "pending", "success"];
const descriptionMax = 140;
const perContextMax = 1_000;
const textMax = 65_535;
const conclusions = [
  ...["action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"],
];

export const statusRoutes: readonly Route[] = [
  { method: "POST", path: "/statuses/:sha", needs: { permission: "statuses", level: "write" }, answer: addStatus },
  {
    ...{ method: "GET", path: "/commits/:sha/statuses", needs: { permission: "statuses", level: "read" } },
    answer: (question) => {
      const { repository, path } = question;
      const all = (repository.statuses.get(path.sha ?? "") ?? []).toReversed();
      return pageOf(
        question,
        `/commits/${path.sha}/statuses`,
        all.map((status) => statusJson(question, status)),
      );
    },
  },
  { method: "POST", path: "/check-runs", needs: { permission: "checks", level: "write" }, answer: addCheck },
  { method: "PATCH", path: "/check-runs/:id", needs: { permission: "checks", level: "write" }, answer: changeCheck },
];

async function addStatus(question: Question): Promise<Answer> {
  const { state, repository, token, path, body } = question;
  const { sha = "" } = path;
  const { context = "default", state: given, description = null, target_url = null } = body as Record<string, string>;
  if (!statesOf.includes(String(given))) return unprocessable("state is not included in the list");
  if (description !== null && description.length > descriptionMax)
    return unprocessable("description is too long (maximum is 140 characters)");
  if (!(await hasCommit(repository, sha))) return unprocessable(`No commit found for SHA: ${sha}`);
  const all = repository.statuses.get(sha) ?? [];
  if (all.filter((one) => one.context === context).length >= perContextMax)
    return unprocessable("This SHA and context has reached the maximum number of statuses.");
  const status = {
    id: state.nextId(),
    context,
    state: String(given),
    description,
    target_url,
    creator: token.login,
    createdAt: state.clock.now(),
  };
  repository.statuses.set(sha, [...all, status]);
  return { status: 201, body: statusJson(question, status) };
}

function statusJson(
  { state, repository }: Question,
  { id, creator, createdAt, ...status }: StatusRecord,
): components["schemas"]["status"] {
  const now = createdAt.toISOString();
  const url = `${state.url}/api/v3/repos/${repository.name}/statuses/${id}`;
  return {
    ...status,
    id,
    node_id: `SC_${id}`,
    url,
    avatar_url: null,
    created_at: now,
    updated_at: now,
    creator: simpleUser(state, creator),
  };
}

async function addCheck(question: Question): Promise<Answer> {
  const { state, token, repository, body } = question;
  if (token.permissions === null) return { status: 403, body: { message: "You must authenticate via a GitHub App." } };
  const sha = String(body.head_sha);
  if (!(await hasCommit(repository, sha))) return unprocessable(`No commit found for SHA: ${sha}`);
  const check = { id: state.nextId(), head_sha: sha, fields: { ...body } };
  const mistake = checkMistake(check);
  if (mistake !== null) return unprocessable(mistake);
  repository.checks.set(check.id, check);
  return { status: 201, body: checkJson(question, check) };
}

function changeCheck(question: Question): Answer {
  const { repository, path, body } = question;
  const check = repository.checks.get(Number(path.id));
  if (check === undefined) return notFound;
  const fields = { ...check.fields, ...body };
  const mistake = checkMistake({ ...check, fields });
  if (mistake !== null) return unprocessable(mistake);
  check.fields = fields;
  return { status: 200, body: checkJson(question, check) };
}

function checkJson({ state, repository }: Question, { id, head_sha, fields }: CheckRecord): object {
  const { output = {} } = fields as { output?: Output };
  const { title = null, summary = null, text = null, annotations = [] } = output;
  const url = `${state.url}/api/v3/repos/${repository.name}/check-runs/${id}`;
  const missing = { external_id: "", details_url: null, status: "queued", conclusion: null, started_at: null };
  return {
    ...{ ...missing, completed_at: null, ...fields, id, head_sha, node_id: `CR_${id}`, url },
    ...{ html_url: `${state.url}/${repository.name}/runs/${id}`, check_suite: { id: 1 }, app: null, pull_requests: [] },
    output: { title, summary, text, annotations_count: annotations.length, annotations_url: `${url}/annotations` },
  };
}

/** docs: annotations at most 50 in a request, `completed` needs a conclusion, output needs a title and a summary. */
function checkMistake({ fields }: CheckRecord): string | null {
  const { name, status, conclusion, output } = fields as { [field: string]: string | undefined } & { output?: Output };
  if (!name) return "name is missing";
  if (status === "completed" && !conclusion) return "conclusion is missing";
  if (conclusion && !conclusions.includes(conclusion)) return `${conclusion} is not a conclusion`;
  if (output === undefined) return null;
  if (!output.title || output.summary === undefined) return "output lacks title or summary";
  if ([output.summary, output.text ?? ""].some(({ length }) => length > textMax)) return "summary or text is too long";
  const annotations = output.annotations ?? [];
  if (annotations.length > 50) return "No more than 50 annotations are allowed per request";
  return annotations.every(isAnnotation) ? null : "annotations lack a field";
}

function isAnnotation(given: Readonly<Record<string, unknown>>): boolean {
  const { path, start_line, end_line, annotation_level, message } = given;
  const lines = [start_line, end_line].map(Number);
  const isPlace = Boolean(path) && lines.every((line) => Number.isInteger(line) && line > 0);
  return isPlace && Boolean(message) && ["notice", "warning", "failure"].includes(String(annotation_level));
}

interface Output {
  readonly title?: string;
  readonly summary?: string;
  readonly text?: string;
  readonly annotations?: readonly Readonly<Record<string, unknown>>[];
}
