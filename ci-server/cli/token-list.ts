// `mergedock token list`: who may ask, and when they last did.

import { z } from "zod";
import { readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { type Column, toTable } from "./table.ts";
import { toAge } from "./units.ts";

const nullableText = z.string().nullable().default(null);
const tokenView = z.object({
  name: z.string(),
  role: z.string(),
  prefix: nullableText,
  createdAt: nullableText,
  createdBy: nullableText,
  lastUsedAt: nullableText,
  revokedAt: nullableText,
});
type TokenView = z.infer<typeof tokenView>;

const age = (at: string | null, none: string) => (at === null ? none : toAge(at, Date.now()));
const columns: readonly Column<TokenView>[] = [
  { title: "NAME", value: ({ name }) => name, shrinksTo: 10 },
  { title: "ROLE", value: ({ role }) => role },
  { title: "TOKEN", value: ({ prefix }) => (prefix === null ? "" : `${prefix}…`) },
  { title: "MADE", value: ({ createdAt }) => age(createdAt, ""), spare: true },
  { title: "BY", value: ({ createdBy }) => createdBy ?? "", shrinksTo: 8, spare: true },
  { title: "USED", value: ({ lastUsedAt }) => age(lastUsedAt, "never") },
  { title: "REVOKED", value: ({ revokedAt }) => age(revokedAt, "") },
];

export async function run(context: Context, input: Input): Promise<number> {
  const { stdout } = context;
  const client = await context.client();
  const answer = await client.get("/tokens");
  const { tokens } = readAs(z.object({ tokens: z.array(tokenView) }), answer, "a list of tokens");
  if (hasOption(input, "json")) stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else if (hasOption(input, "quiet")) stdout.write(tokens.map(({ name }) => `${name}\n`).join(""));
  else stdout.write(toTable(tokens, columns, stdout.columns()));
  return exitCodes.ok;
}
