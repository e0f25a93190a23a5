// `mergedock reconcile [repository]`: asks a server to look for what did not arrive, and says what it found.

import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { type Client, readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { plain } from "./text.ts";

const asked = z.object({ repositories: z.array(z.object({ repository: z.string(), round: z.number() })) });
const state = z.object({
  repository: z.string(),
  endedRound: z.number(),
  way: z.string().nullable(),
  found: z.number(),
  problem: z.string().nullable(),
});
const states = z.object({ repositories: z.array(state) });
type State = z.infer<typeof state>;

const lookMs = 500;
/** A look at one repository may take so long; with many of them another command goes on asking. */
const waitMsMax = 15 * 60_000;
const ways = new Map([
  ["api", "what its webhook has sent"],
  ["git", "its branches"],
]);

/** Returns 3 when a look was not all that it should be. */
export async function run(context: Context, input: Input): Promise<number> {
  const client = await context.client();
  const [repository] = input.args;
  const answer = await client.post("/reconcile", repository === undefined ? {} : { repository });
  const found = await ended(client, readAs(asked, answer, "what is looked at"));
  const text = hasOption(input, "json") ? `${JSON.stringify(found, null, 2)}\n` : found.map(toLine).join("");
  context.stdout.write(text);
  return found.some(({ problem }) => problem !== null) ? exitCodes.system : exitCodes.ok;
}

async function ended(client: Client, { repositories }: z.infer<typeof asked>): Promise<readonly State[]> {
  const endMs = Date.now() + waitMsMax;
  const rounds = new Map(repositories.map(({ repository, round }) => [repository, round]));
  while (Date.now() < endMs) {
    const answer = readAs(states, await client.get("/reconcile"), "how the looks went").repositories;
    const wanted = answer.filter(({ repository }) => rounds.has(repository));
    if (wanted.every(({ repository, endedRound }) => endedRound >= (rounds.get(repository) ?? 0))) return wanted;
    await delay(lookMs);
  }
  throw new AppError("timeout", "nobody has looked yet: is a worker running? GET /api/v1/reconcile says how it goes");
}

function toLine({ repository, way, found, problem }: State): string {
  const where = way === null ? "not looked at" : `${ways.get(way) ?? way}: ${found} had not arrived`;
  const lines = [`${repository}: ${where}`, ...(problem === null ? [] : [`  problem ${problem}`])];
  return lines.map((one) => `${plain(one)}\n`).join("");
}
