// A build's images as a table in Markdown: what is in the registry, what was made and what was not.

import type { Build, StoredImage } from "../build.ts";
import { code } from "../markdown.ts";
import { sizeText } from "../system.ts";
import type { ReportFacts } from "./report.ts";

const rowsMax = 40;
const tagsMax = 5;
const tagCharsMax = 80;
const pathCharsMax = 200;

type Facts = Pick<ReportFacts, "bytesBefore">;

/** Empty where nobody knows which images there are. */
export function imageTable(build: Build, facts: Facts): string[] {
  const rows = [...build.images.map((image) => imageRow(image, facts)), ...leftRows(build)];
  if (rows.length === 0) return [];
  const more = rows.length <= rowsMax ? [] : [`And ${rows.length - rowsMax} more.`];
  const head = ["| Image | Tags | Digest | Size | |", "| --- | --- | --- | --- | --- |"];
  return [[...head, ...rows.slice(0, rowsMax)].join("\n"), ...more];
}

/** To be pasted. */
export function pullCommands({ images }: Pick<Build, "images">): string[] {
  return images.slice(0, rowsMax).map(({ reference }) => `docker pull ${reference}`);
}

function imageRow(image: StoredImage, { bytesBefore }: Facts): string {
  const { service, reference, tags, digest, bytes, reusedFrom } = image;
  const [path = reference] = reference.split("@", 1);
  const more = tags.length > tagsMax ? " …" : "";
  const named = tags.slice(0, tagsMax).map((tag) => code(tag, tagCharsMax));
  const size = `${sizeText(bytes)}${change(bytes, bytesBefore.get(service))}`;
  const how = reusedFrom === null ? "built" : `reused from build ${reusedFrom}`;
  return row([code(path, pathCharsMax), `${named.join(" ")}${more}`, code(digest), size, how]);
}

/** Of those that were not made: why. */
function leftRows({ plan, images, result }: Build): string[] {
  const left = (plan ?? []).filter(({ service }) => !images.some((image) => image.service === service));
  return left.map(({ service, verdict, reason }) => {
    const why = verdict === "skip" ? `not built: ${code(reason)}` : `not made: ${result}`;
    return row([code(service), "", "", "", why]);
  });
}

function change(bytes: number, before: number | undefined): string {
  if (before === undefined) return " (new)";
  if (bytes === before) return " (as before)";
  return ` (${bytes > before ? "+" : "−"}${sizeText(Math.abs(bytes - before))})`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
