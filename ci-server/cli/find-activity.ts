// Finds what a person means by a delivery's id, a pull request or a commit: the delivery and the build that belong to it.

import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { type Client, readAs, segment } from "./client.ts";
import { eachPage } from "./pages.ts";
import { type BuildView, buildView, type DeliveryView, deliveryView } from "./views.ts";

export type Question =
  | { readonly kind: "guid"; readonly guid: string }
  | { readonly kind: "pull_request"; readonly repository: string | null; readonly number: number }
  | { readonly kind: "commit"; readonly sha: string };

/** One thing that happened: of either there may be none. */
export interface Found {
  readonly guid: string | null;
  readonly build: number | null;
}

/** `isMerge`: no comment, label or push to a pull request, of which nothing is ever built. */
type Entry = Found & { readonly isMerge: boolean };

/** Pages that are looked through at most, of 100 entries each. */
const pagesMax = 50;
/** More of one pull request or commit are not of interest. */
const foundMax = 11;

/** Digits alone are a pull request up to six of them, and a commit from seven on. Throws `invalid`. */
export function readQuestion(text: string): Question {
  const pull = /^(?:([A-Za-z0-9][\w.-]*\/[\w.-]+)?#(\d{1,15})|(\d{1,6}))$/.exec(text);
  if (pull !== null) return { kind: "pull_request", repository: pull[1] ?? null, number: Number(pull[2] ?? pull[3]) };
  if (/^[0-9a-f]{7,64}$/i.test(text)) return { kind: "commit", sha: text.toLowerCase() };
  if (/^[\w-]{8,100}$/.test(text)) return { kind: "guid", guid: text };
  const forms = 'a delivery\'s id, a pull request (42, "#42", acme/shop#42), or a commit of 7 digits or more';
  throw new AppError("invalid", `${JSON.stringify(text)} is none of: ${forms}`);
}

/** Merges and builds before all else, newest first. Throws `not_found` where there is nothing. */
export async function findActivity(client: Client, question: Question): Promise<readonly Found[]> {
  if (question.kind === "guid") return [await findDelivery(client, question.guid)];
  const found = await search(client, question);
  if (found.length > 0) return found;
  const what = question.kind === "commit" ? `the commit ${question.sha}` : `pull request ${nameOf(question)}`;
  const help = "mergedock deliveries lists what the forge has sent; when it is not there, the forge has not sent it";
  throw new AppError("not_found", `nothing is known of ${what}; ${help}`);
}

async function findDelivery(client: Client, guid: string): Promise<Found> {
  const delivery = readAs(deliveryView, await client.get(`/deliveries/${segment(guid)}`), "a delivery");
  return { guid, build: delivery.build };
}

const activity = z.object({
  title: z.string().default(""),
  repository: z.string().nullable().default(null),
  delivery: z
    .object({ guid: z.string(), reason: z.string().default(""), action: z.string().nullable().default(null) })
    .nullable()
    .default(null),
  build: buildView.partial().nullable().default(null),
});

async function search(client: Client, question: Exclude<Question, { kind: "guid" }>): Promise<readonly Found[]> {
  const q = question.kind === "commit" ? question.sha : `#${question.number}`;
  const repository = question.kind === "commit" ? null : question.repository;
  const asked = { client, path: "/activity", field: "items", query: { q, repository }, limit: null, before: null };
  const found: Entry[] = [];
  let pages = 0;
  // What has the words is not yet what is meant: #1 is in #10 too.
  for await (const { items } of eachPage(asked)) {
    found.push(...items.flatMap((item) => toFound(question, readAs(activity, item, "what happened"))));
    pages += 1;
    // Of a pull request that is talked about there may be more comments than anything else.
    if (pages >= pagesMax || found.filter(({ isMerge }) => isMerge).length >= foundMax) break;
  }
  return found
    .toSorted((one, other) => Number(other.isMerge) - Number(one.isMerge))
    .slice(0, foundMax)
    .map(({ guid, build }) => ({ guid, build }));
}

function toFound(
  question: Exclude<Question, { kind: "guid" }>,
  { delivery, build, repository, title }: z.infer<typeof activity>,
): Entry[] {
  // Of what built nothing the reason names the pull request.
  if (!fits(question, { ...build, repository, title: `${title} ${delivery?.reason ?? ""}` })) return [];
  const isMerge = build != null || delivery?.action === "closed";
  return [{ guid: delivery?.guid ?? build?.deliveryGuid ?? null, build: build?.id ?? null, isMerge }];
}

type Candidate = {
  readonly sha?: BuildView["sha"] | undefined;
  readonly pullRequest?: BuildView["pullRequest"] | undefined;
  readonly repository: DeliveryView["repository"];
  readonly title?: string;
};

function fits(
  question: Exclude<Question, { kind: "guid" }>,
  { sha, pullRequest, repository, title }: Candidate,
): boolean {
  if (question.kind === "commit") return sha?.startsWith(question.sha) ?? false;
  if (question.repository !== null && question.repository.toLowerCase() !== repository?.toLowerCase()) return false;
  if (pullRequest) return pullRequest.number === question.number;
  return new RegExp(`#${question.number}\\b`).test(title ?? "");
}

function nameOf({ repository, number }: Extract<Question, { kind: "pull_request" }>): string {
  return `${repository ?? ""}#${number}`;
}
