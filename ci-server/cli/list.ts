// What every list prints: a table, its JSON, or the names alone, and where it goes on.

import type { z } from "zod";
import { readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { askedPages, type PagesRequest, readPages } from "./pages.ts";
import { type Column, toTable } from "./table.ts";
import { plain } from "./text.ts";

export interface ListRequest<T> extends Pick<PagesRequest, "path" | "field" | "query"> {
  readonly view: z.ZodType<T>;
  readonly columns: readonly Column<T>[];
  /** What --quiet prints of one. */
  readonly name: (row: T) => string;
  /** What is said where there is none. */
  readonly none: string;
}

export async function printList<T>(context: Context, input: Input, request: ListRequest<T>): Promise<number> {
  const { view, columns, name, none, field } = request;
  const { stdout, stderr } = context;
  const client = await context.client();
  const { items, next } = await readPages({ client, ...request, ...askedPages(input) });
  if (hasOption(input, "json")) {
    stdout.write(`${JSON.stringify({ [field]: items, next }, null, 2)}\n`);
    return exitCodes.ok;
  }
  const rows = items.map((item) => readAs(view, item, `one of ${field}`));
  if (hasOption(input, "quiet")) {
    stdout.write(rows.map((row) => `${plain(name(row))}\n`).join(""));
    return exitCodes.ok;
  }
  if (rows.length === 0) stderr.write(`${none}\n`);
  else stdout.write(toTable(rows, columns, stdout.columns()));
  if (next !== null) stderr.write(`there are more: --before ${next}, --limit or --all\n`);
  return exitCodes.ok;
}
