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

/** Pages that are looked through at most, of 100 entries each. */
const pagesMax = 50;

/** Digits alone are a pull request up to six of them, and a commit from seven on. Throws `invalid`. */
export function readQuestion(text: string): Question {
  const pull = /^(?:([A-Za-z0-9][\w.-]*\/[\w.-]+)?#(\d{1,15})|(\d{1,6}))$/.exec(text);
  if (pull !== null) return { kind: "pull_request", repository: pull[1] ?? null, number: Number(pull[2] ?? pull[3]) };
  if (/^[0-9a-f]{7,64}$/i.test(text)) return { kind: "commit", sha: text.toLowerCase() };
  if (/^[\w-]{8,100}$/.test(text)) return { kind: "guid", guid: text };
  const forms = 'a delivery\'s id, a pull request (42, "#42", acme/shop#42), or a commit of 7 digits or more';
  throw new AppError("invalid", `${JSON.stringify(text)} is none of: ${forms}`);
}

/** Newest first. Throws `not_found` where there is nothing. */
export async function findActivity(client: Client, question: Question): Promise<readonly Found[]> {
  if (question.kind === "guid") return [await findDelivery(client, question.guid)];
  const found = (await bySearch(client, question)) ?? (await byPaging(client, question));
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
  delivery: z.object({ guid: z.string() }).nullable().default(null),
  build: buildView.partial().nullable().default(null),
});

/** Null: of a server that has no list of what happened. */
async function bySearch(
  client: Client,
  question: Exclude<Question, { kind: "guid" }>,
): Promise<readonly Found[] | null> {
  const q = question.kind === "commit" ? question.sha : `#${question.number}`;
  const repository = question.kind === "commit" ? null : question.repository;
  const pages = eachPage({
    client,
    path: "/activity",
    field: "items",
    query: { q, repository },
    limit: 100,
    before: null,
  });
  try {
    for await (const { items } of pages)
      return items
        .map((item) => readAs(activity, item, "what happened"))
        .filter((item) => fits(question, { ...item.build, repository: item.repository, title: item.title }))
        .map(({ delivery, build }) => ({
          guid: delivery?.guid ?? build?.deliveryGuid ?? null,
          build: build?.id ?? null,
        }));
    return [];
  } catch (cause) {
    if (cause instanceof AppError && cause.code === "not_found") return null;
    throw cause;
  }
}

async function byPaging(client: Client, question: Exclude<Question, { kind: "guid" }>): Promise<readonly Found[]> {
  const query = { repository: question.kind === "commit" ? null : question.repository };
  const builds = await collect(client, { path: "/builds", field: "builds", query }, (item): Found[] => {
    const build = readAs(buildView, item, "a build");
    return fits(question, build) ? [{ guid: build.deliveryGuid, build: build.id }] : [];
  });
  if (question.kind === "commit") return builds;
  const deliveries = await collect(client, { path: "/deliveries", field: "deliveries", query }, (item): Found[] => {
    const { guid, build, reason, repository } = readAs(deliveryView, item, "a delivery");
    // Of what built nothing; the others were found with their builds.
    return build === null && fits(question, { repository, title: reason }) ? [{ guid, build }] : [];
  });
  return [...builds, ...deliveries];
}

async function collect(
  client: Client,
  list: { readonly path: string; readonly field: string; readonly query: { readonly repository: string | null } },
  pick: (item: unknown) => Found[],
): Promise<Found[]> {
  const found: Found[] = [];
  let pages = 0;
  for await (const { items } of eachPage({ client, ...list, limit: null, before: null })) {
    found.push(...items.flatMap(pick));
    pages += 1;
    if (pages >= pagesMax) break;
  }
  return found;
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
