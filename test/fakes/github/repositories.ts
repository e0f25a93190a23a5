// Repositories and their commits, as the API shows them. Source: GitHub's REST API, "Repositories" and "Commits".

import { createRequire } from "node:module";
import { describeRepository, type Json } from "../../../lab/pull-request-delivery.ts";
import { hasCommit } from "./replica.ts";
import { type Answer, type Question, type Route, unprocessable } from "./routes.ts";
import type { FakeRepository } from "./state.ts";

export const repositoryRoutes: readonly Route[] = [
  {
    ...{ method: "GET", path: "", needs: { permission: "metadata", level: "read" } },
    answer: ({ state, repository }) => ({ status: 200, body: repositoryJson(repository, state.url) }),
  },
  { method: "GET", path: "/commits/:sha", needs: { permission: "contents", level: "read" }, answer: readCommit },
];

/** The repository as every event and the API have it. */
export function repositoryJson({ name, git: { defaultBranch }, isPrivate }: FakeRepository, url: string): Json {
  const described = describeRepository(realRepository(), { name, defaultBranch, cloneUrl: `${url}/${name}.git` });
  return { ...described, private: isPrivate, visibility: isPrivate ? "private" : "public" };
}

/** The first example of an event, as GitHub has sent it. */
export function realExample(event: string, action?: string): Json {
  const examples = readExamples().find(({ name }) => name === event)?.examples ?? [];
  const found = examples.find((one) => action === undefined || one.action === action);
  if (found === undefined) throw new Error(`@octokit/webhooks-examples holds no ${event} ${action} any more`);
  return structuredClone(found);
}

/** The names of all events that there are examples of. */
export function exampleEvents(): readonly string[] {
  return readExamples().map(({ name }) => name);
}

function readExamples(): readonly { name: string; examples: readonly Json[] }[] {
  // Read at run time, not imported: the type checker would work through all 4 MB of it.
  return createRequire(import.meta.url)("@octokit/webhooks-examples");
}

function realRepository(): Json & { readonly owner: Json } {
  return realExample("pull_request", "closed").repository as Json & { readonly owner: Json }; // as GitHub sent it
}

async function readCommit({ repository, path: { sha = "" } }: Question): Promise<Answer> {
  if (!(await hasCommit(repository, sha))) return unprocessable(`No commit found for SHA: ${sha}`);
  return { status: 200, body: { sha } };
}
