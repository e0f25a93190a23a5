// What the build's forge could not be told of it, and whether it is tried again.

import type { BuildView } from "../views.ts";

const names = { status: "The commit's status", check: "The check run", comment: "The pull request's comment" } as const;

export function ReportNotes({ reports }: Pick<BuildView, "reports">) {
  const failing = reports.filter(({ state, problem }) => state !== "told" && problem !== null);
  return (
    <>
      {failing.map(({ kind, state, problem, dueAt }) => (
        <p key={kind} class={state === "failed" ? "note note-bad" : "note"}>
          <strong>{names[kind]} was not delivered:</strong> {problem}{" "}
          {dueAt === null ? "It is not tried again." : "It is tried again."}
        </p>
      ))}
    </>
  );
}
