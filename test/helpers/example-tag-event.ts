// Events as docker/metadata-action's own tests have them: `branch master`, `tag v1.1.1`, `pull 15`, `schedule master`, `release v1.1.1`.

import type { TagEvent } from "../../ci-server/core/tags/evaluate.ts";

const time = new Date("2020-01-10T00:30:00Z");
const shas: Readonly<Record<string, string>> = {
  "branch master": "266574110acf203503badf966df2ea24b5d732d7",
  "branch my/feature#1245": "983315b5e8d46e46fc4c49869e85e7ee5fb289ba",
  "pull 15": "a9c8c5828b91be19d9728548b24759e352367ef1",
};

export function exampleTagEvent(name: string, change: Partial<TagEvent> = {}): TagEvent {
  const [kind, ref = ""] = name.split(" ");
  const isTag = kind === "tag" || kind === "release";
  const branch = kind === "branch" || kind === "schedule" ? ref : null;
  return {
    ...{ branch, gitTag: isTag ? ref : null, pullRequest: kind === "pull" ? Number(ref) : null },
    baseRef: kind === "pull" || name === "tag v1.1.1" ? "master" : null,
    isScheduled: kind === "schedule",
    defaultBranch: "master",
    sha: shas[name] ?? "860c1904a1ce19322e91ac35af1ab07466440c37",
    ...{ now: time, committedAt: time },
    ...change,
  };
}
