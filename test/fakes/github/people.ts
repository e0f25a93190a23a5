// What people do on the pull requests' pages: they comment. The payload is GitHub's real example, told of the pull request.
// Source: GitHub documentation, "Webhook events and payloads", `issue_comment`.

import { createRequire } from "node:module";
import { describeRepository, type Json } from "../../../lab/pull-request-delivery.ts";
import { sendEvent } from "./hooks.ts";
import type { CommentRecord, FakePull, FakeRepository, FakeState } from "./state.ts";

type Example = Json & {
  readonly action: string;
  readonly issue: Json;
  readonly comment: Json & { readonly user: Json };
  readonly repository: Json & { readonly owner: Json };
};

export interface Commented {
  readonly state: FakeState;
  readonly repository: FakeRepository;
  readonly pull: FakePull;
}

/** Stores it and tells the hooks, which have been answered, or were not. Whose login ends with `[bot]` is a bot. */
export async function comment(at: Commented, login: string, body: string, when = new Date()): Promise<CommentRecord> {
  const { state, repository, pull } = at;
  const record = { id: state.nextId(), pullRequest: pull.number, login, body, edits: 0 };
  repository.comments.set(record.id, record);
  await sendEvent(state, repository, "issue_comment", commentPayload(at, record, { when }));
  return record;
}

/** What of it stands in a payload. */
interface About {
  readonly state: Pick<FakeState, "url">;
  readonly repository: { readonly name: string; readonly git: Pick<FakeRepository["git"], "defaultBranch"> };
  readonly pull: Pick<FakePull, "number" | "mergedSha"> & { readonly git: Pick<FakePull["git"], "title"> };
}

/** `action`: created, edited, deleted. `when`: it was written. */
export function commentPayload(
  { state, repository, pull }: About,
  record: CommentRecord,
  { action = "created", when = new Date() }: { readonly action?: string; readonly when?: Date } = {},
): object {
  const example = realExample();
  const now = when.toISOString();
  const isMerged = pull.mergedSha !== null;
  const { name, git } = repository;
  const page = `${state.url}/${name}/pull/${pull.number}`;
  const user = { ...example.comment.user, login: record.login, type: record.login.endsWith("[bot]") ? "Bot" : "User" };
  return {
    ...example,
    action,
    repository: describeRepository(example.repository, {
      name,
      defaultBranch: git.defaultBranch,
      cloneUrl: `${page}.git`,
    }),
    issue: {
      ...example.issue,
      ...{ number: pull.number, title: pull.git.title, html_url: page, state: isMerged ? "closed" : "open" },
      pull_request: {
        ...{ url: `${state.url}/api/v3/repos/${name}/pulls/${pull.number}`, html_url: page },
        ...{ diff_url: `${page}.diff`, patch_url: `${page}.patch`, merged_at: isMerged ? now : null },
      },
    },
    comment: {
      ...example.comment,
      ...{ id: record.id, body: record.body, user, created_at: now, updated_at: now },
      html_url: `${page}#issuecomment-${record.id}`,
    },
    sender: user,
  };
}

function realExample(): Example {
  // Read at run time, not imported: the type checker would work through all 4 MB of it.
  const events: readonly { name: string; examples: readonly Example[] }[] = createRequire(import.meta.url)(
    "@octokit/webhooks-examples",
  );
  const examples = events.find(({ name }) => name === "issue_comment")?.examples ?? [];
  const created = examples.find(({ action }) => action === "created");
  if (created === undefined) throw new Error("@octokit/webhooks-examples holds no new comment any more");
  return created;
}
