// Lists that the API gives page by page, as one.

import { z } from "zod";
import { type Client, type Query, readAs } from "./client.ts";
import { hasOption, type Input, numberOption, textOption } from "./command.ts";

export interface PagesRequest {
  readonly client: Client;
  readonly path: string;
  /** The field of the answer that holds the list. */
  readonly field: string;
  readonly query: Query;
  /** Null: all. */
  readonly limit: number | null;
  readonly before: string | null;
}

export interface Page {
  readonly items: readonly unknown[];
  /** Where the next one begins; null: there is none. */
  readonly next: string | number | null;
}

/** The API's own maximum. */
const pageMax = 100;
const pageView = z.looseObject({ next: z.union([z.string(), z.number()]).nullable().default(null) });

/** What --limit, --before and --all ask for. */
export function askedPages(input: Input): Pick<PagesRequest, "limit" | "before"> {
  const limit = hasOption(input, "all") ? null : numberOption(input, "limit");
  return { limit, before: textOption(input, "before") };
}

export async function readPages(request: PagesRequest): Promise<Page> {
  const items: unknown[] = [];
  for await (const page of eachPage(request)) {
    items.push(...page.items);
    if (page.next === null || items.length >= (request.limit ?? Number.POSITIVE_INFINITY))
      return { items, next: page.next };
  }
  return { items, next: null };
}

/** One after the other, for as long as somebody reads on. */
export async function* eachPage({ client, path, field, query, limit, before }: PagesRequest): AsyncGenerator<Page> {
  let from: string | number | null = before;
  for (let seen = 0; ; ) {
    const size = Math.min(pageMax, limit === null ? pageMax : limit - seen);
    const answer = await client.get(path, { ...query, before: from, limit: size });
    const { next, [field]: list } = readAs(pageView, answer, "a list");
    const items = readAs(z.array(z.unknown()), list, `a list of ${field}`);
    yield { items, next };
    seen += items.length;
    if (next === null || next === from) return;
    from = next;
  }
}
