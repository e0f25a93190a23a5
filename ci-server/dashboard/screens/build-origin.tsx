// Where a build comes from: repository, commit, pull request, who, when.

import type { ComponentChildren } from "preact";
import { count, shortSha } from "../format.ts";
import { ForgeLink } from "../parts/forge-link.tsx";
import { Time } from "../parts/time.tsx";
import type { BuildView } from "../views.ts";

export function BuildOrigin({ build }: { readonly build: BuildView }) {
  const { pullRequest, merge, ref, sha } = build;
  const comment = build.reports.find(({ url }) => url !== null)?.url ?? null;
  const parts: readonly (readonly [key: string, content: ComponentChildren])[] = [
    ["build", <>build {build.id}</>],
    ["repository", <a href={`/?repository=${encodeURIComponent(build.repository)}`}>{build.repository}</a>],
    [
      "sha",
      sha === null ? null : (
        <span class="mono" title={sha}>
          {shortSha(sha)}
        </span>
      ),
    ],
    ["ref", ref === null ? null : <>on {ref}</>],
    [
      "pull request",
      pullRequest === null ? null : <ForgeLink url={pullRequest.url}>pull request #{pullRequest.number}</ForgeLink>,
    ],
    ["comment", comment === null ? null : <ForgeLink url={comment}>comment</ForgeLink>],
    ["who", pullRequest === null ? null : who(pullRequest)],
    [
      "merge",
      merge === null ? null : (
        <>
          {merge.method.replaceAll("_", " ")}, {count(merge.files, "file")} changed
        </>
      ),
    ],
    ["at", <Time at={build.createdAt} />],
  ];
  return (
    <p class="origin quiet">{parts.map(([key, content]) => content !== null && <span key={key}>{content}</span>)}</p>
  );
}

function who({ author, mergedBy }: NonNullable<BuildView["pullRequest"]>): string {
  if (mergedBy === null) return `by ${author}`;
  return mergedBy === author ? `by ${author}, who merged it` : `by ${author}, merged by ${mergedBy}`;
}
