// What a verified image's statements say, for people and for programs.

import { z } from "zod";
import type { Verified } from "./adapters/verify-image.ts";
import { cleanText } from "./core/clean-text.ts";
import { countPackages, problemsOf } from "./core/sbom/cyclonedx.ts";

/** What this program writes; of another version's statement the rest stays null. */
const predicate = z.object({
  buildDefinition: z
    .object({
      externalParameters: z
        .object({ repository: z.string(), ref: z.string(), service: z.string(), version: z.string() })
        .partial()
        .default({}),
      internalParameters: z
        .object({
          delivery: z.string(),
          trigger: z.string(),
          reusedFrom: z.number(),
          pullRequest: z.object({
            number: z.number(),
            url: z.string().nullish(),
            author: z.string().nullish(),
            mergedBy: z.string().nullish(),
            mergeMethod: z.string().nullish(),
          }),
        })
        .partial()
        .default({}),
      resolvedDependencies: z
        .array(
          z.object({
            uri: z.string().default(""),
            digest: z.record(z.string(), z.string()).default({}),
            annotations: z.object({ reference: z.string() }).partial().default({}),
          }),
        )
        .default([]),
    })
    .prefault({}),
  runDetails: z
    .object({
      builder: z.object({ id: z.string() }).partial().default({}),
      metadata: z.object({ invocationId: z.string(), finishedOn: z.string() }).partial().default({}),
    })
    .prefault({}),
});

export interface VerifyReport {
  readonly verified: true;
  readonly image: string;
  readonly provenances: readonly ReturnType<typeof toProvenance>[];
  readonly sbom: {
    readonly packages: Readonly<Record<string, number>>;
    /** What it says that it lacks. */
    readonly incomplete: readonly string[];
  };
  readonly refused: Verified["refused"];
}

export function toReport(image: string, { provenances, sboms, refused }: Verified): VerifyReport {
  const sbom = sboms.at(-1)?.statement.predicate;
  return {
    ...{ verified: true, image, refused },
    provenances: provenances.map(({ statement }) => toProvenance(statement.predicate)),
    sbom: { packages: countPackages(sbom), incomplete: problemsOf(sbom) },
  };
}

function toProvenance(said: unknown) {
  const { buildDefinition, runDetails } = predicate.catch(() => predicate.parse({})).parse(said);
  const { externalParameters: asked, internalParameters: known, resolvedDependencies: used } = buildDefinition;
  return {
    repository: asked.repository ?? null,
    ref: asked.ref ?? null,
    service: asked.service ?? null,
    commit: used.find(({ digest }) => digest.gitCommit !== undefined)?.digest.gitCommit ?? null,
    pullRequest: known.pullRequest ?? null,
    trigger: known.trigger ?? null,
    delivery: known.delivery ?? null,
    reusedFrom: known.reusedFrom ?? null,
    bases: used
      .filter(({ digest }) => digest.gitCommit === undefined)
      .map(({ uri, digest, annotations }) => {
        const [algorithm = "", hex = ""] = Object.entries(digest)[0] ?? [];
        return { reference: annotations.reference ?? uri, digest: `${algorithm}:${hex}` };
      }),
    builder: runDetails.builder.id ?? null,
    invocation: runDetails.metadata.invocationId ?? null,
    finishedAt: runDetails.metadata.finishedOn ?? null,
  };
}

/** One fact in each line; what people wrote cannot reach the terminal as anything but text. */
export function toText({ image, provenances, sbom }: VerifyReport): string {
  const lines: [string, string][] = [["verified", image], ...provenances.flatMap(toLines), ["SBOM", toPackages(sbom)]];
  for (const problem of sbom.incomplete) lines.push(["incomplete", problem]);
  return lines.map(([name, text]) => `${name.padEnd(13)} ${plain(text)}\n`).join("");
}

function toLines(one: VerifyReport["provenances"][number]): [string, string][] {
  const { repository, ref, service, commit, pullRequest: pull, trigger, delivery, bases } = one;
  const merged = pull?.mergedBy ? `, merged by ${pull.mergedBy}` : "";
  const lines: [string, string | null][] = [
    ["repository", repository],
    ["service", service],
    ["commit", commit === null ? null : `${commit}${ref === null ? "" : ` of ${ref}`}`],
    ["pull request", pull === null ? null : `#${pull.number}${pull.author ? ` by ${pull.author}` : ""}${merged}`],
    ["merge", pull?.mergeMethod ?? null],
    ["asked for", pull === null ? trigger : null],
    ["delivery", delivery],
    ...bases.map(({ reference, digest }): [string, string] => ["base", `${reference} ${digest}`]),
    ["built", `${one.finishedAt ?? "?"}, ${one.invocation ?? "?"}`],
    ["taken from", one.reusedFrom === null ? null : `build ${one.reusedFrom}`],
    ["builder", one.builder],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== null);
}

function toPackages({ packages }: VerifyReport["sbom"]): string {
  const kinds = Object.entries(packages).filter(([kind]) => kind !== "oci");
  const all = kinds.reduce((sum, [, count]) => sum + count, 0);
  return `${all} packages${all === 0 ? "" : ` (${kinds.map(([kind, count]) => `${count} ${kind}`).join(", ")})`}`;
}

function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that have to go
  return cleanText(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}
