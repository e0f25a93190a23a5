// The story of a merge for a person, from what the forge sent to the image.

import { rulesText } from "./decision-text.ts";
import type { Found } from "./find-activity.ts";
import { failureBlock } from "./progress/failure-block.ts";
import { type Colour, paint, type Terminal } from "./terminal.ts";
import { padEnd, plain } from "./text.ts";
import { toAge, toDuration, toSize } from "./units.ts";
import { type BuildView, type DeliveryView, stateOf, titleOf } from "./views.ts";

export interface Story {
  readonly delivery: DeliveryView | null;
  readonly build: BuildView | null;
  readonly others: readonly Found[];
  readonly nowMs: number;
  readonly look: Pick<Terminal, "hasColours">;
}

const labelColumns = 10;

export function explainText(story: Story): string {
  const { delivery, build, others } = story;
  const parts = [
    delivery === null ? "" : deliveryText(delivery, story),
    build === null ? "" : buildText(build, story),
    ...others.slice(0, 10).map((one) => line("also", nameOf(one))),
  ];
  return parts.join("");
}

function deliveryText(delivery: DeliveryView, { nowMs, look }: Story): string {
  const { guid, name, action, repository, receivedAt, verdict, reason, rules } = delivery;
  const event = [name, action].filter(Boolean).join(".");
  const of = repository === null ? "" : ` of ${repository}`;
  const decision = `${verdict === "build" ? paint(look, "green", "build") : paint(look, "yellow", "skip")}: ${plain(reason)}`;
  return `${line("delivery", `${guid}, ${event}${of}, ${toAge(receivedAt, nowMs)}`)}${label("decision")}${decision}\n${rulesText(rules, look)}`;
}

const colours: Readonly<Record<string, Colour>> = { success: "green", failure: "red", error: "red", timeout: "red" };

function buildText(build: BuildView, story: Story): string {
  const { id, repository, sha, attempts, skipReason, cancelReason, plan, stages, failure, images, reports } = build;
  const state = stateOf(build);
  const commit = sha === null ? "" : `@${sha.slice(0, 7)}`;
  const tries = attempts > 1 ? `, ${attempts} attempts` : "";
  const head = `${id} ${paint(story.look, colours[state] ?? "yellow", state)}: ${plain(`${titleOf(build)}, ${repository}${commit}${tries}`)}`;
  const why = skipReason ?? cancelReason;
  return [
    `${label("build")}${head}\n`,
    why === null ? "" : line("because", why),
    section(
      "plan",
      (plan ?? []).map((one) => `${mark(one.verdict, story)} ${plain(one.service)}: ${plain(one.reason)}`),
    ),
    section("stages", stages.map(stageText)),
    failure === null ? "" : failureBlock(failure, story.look),
    section("images", images.flatMap(imageLines)),
    section(
      "told",
      reports.map((one) => reportText(one, story)),
    ),
  ].join("");
}

function stageText({ name, ms, result }: BuildView["stages"][number]): string {
  return `${padEnd(plain(name), 8)} ${(ms === null ? "" : toDuration(ms)).padStart(7)}  ${plain(result ?? "running")}`;
}

function imageLines({ reference, tags, bytes, reusedFrom }: BuildView["images"][number]): string[] {
  const from = reusedFrom === null ? "" : `, made by build ${reusedFrom}`;
  return [plain(reference), `  ${plain(tags.join(", "))} (${toSize(bytes)}${from})`];
}

function reportText({ kind, state, problem, url }: BuildView["reports"][number], { look }: Story): string {
  const colour = state === "told" ? "green" : state === "failed" ? "red" : "yellow";
  const what = [url, state === "told" ? null : problem].filter((one) => one !== null).join(" ");
  return `${paint(look, colour, state)} ${plain([kind, what].filter((one) => one !== "").join(": "))}`;
}

function mark(verdict: "build" | "skip", { look }: Story): string {
  return verdict === "build" ? paint(look, "green", "✓") : paint(look, "yellow", "-");
}

function section(name: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${name}\n${lines.map((text) => `  ${text}\n`).join("")}`;
}

function label(name: string): string {
  return padEnd(name, labelColumns);
}

function line(name: string, text: string): string {
  return `${label(name)}${plain(text)}\n`;
}

function nameOf({ guid, build }: Found): string {
  return [build === null ? null : `build ${build}`, guid === null ? null : `delivery ${guid}`]
    .filter(Boolean)
    .join(", ");
}
