// `mergedock builds`: what was built, the newest first.

import type { Context, Input } from "./command.ts";
import { textOption } from "./command.ts";
import { printList } from "./list.ts";
import type { Column } from "./table.ts";
import { toAge, toDuration } from "./units.ts";
import { type BuildView, buildView, stateOf, titleOf } from "./views.ts";

const columns: readonly Column<BuildView>[] = [
  { title: "BUILD", value: ({ id }) => String(id) },
  { title: "RESULT", value: stateOf },
  { title: "REPOSITORY", value: ({ repository }) => repository, shrinksTo: 12 },
  { title: "COMMIT", value: ({ sha }) => sha?.slice(0, 7) ?? "", spare: true },
  { title: "WHAT", value: titleOf, shrinksTo: 12 },
  { title: "TOOK", value: took, spare: true },
  { title: "WHEN", value: ({ createdAt }) => toAge(createdAt, Date.now()) },
];

export function run(context: Context, input: Input): Promise<number> {
  const filters = ["repository", "result", "trigger", "service", "state"];
  const query = Object.fromEntries(filters.map((name) => [name, textOption(input, name)]));
  const none = "there is no such build";
  const list = { path: "/builds", field: "builds", view: buildView, columns, query, none };
  return printList(context, input, { ...list, name: ({ id }: BuildView) => String(id) });
}

function took({ startedAt, finishedAt }: BuildView): string {
  if (startedAt === null) return "";
  return toDuration((finishedAt === null ? Date.now() : Date.parse(finishedAt)) - Date.parse(startedAt));
}
