// `mergedock webhook rotate-secret`: which webhooks have the new secret, and how long the old one is accepted.

import { z } from "zod";
import { readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { plain } from "./text.ts";

const rotationView = z.object({
  secretId: z.string(),
  isResumed: z.boolean(),
  hooks: z.array(z.object({ repository: z.string(), state: z.string(), problem: z.string().nullable().default(null) })),
  isDone: z.boolean(),
  configured: z.number(),
  overlapHours: z.number(),
});
type RotationView = z.infer<typeof rotationView>;

const states: Readonly<Record<string, string>> = {
  done: "has the new secret",
  failed: "has the old secret still",
  hand: "has the old secret still",
  app: "is told by the GitHub App's own webhook, which has a secret of its own",
  none: "has no webhook",
};

/** Returns 1 while a webhook has the old secret. */
export async function run(context: Context, input: Input): Promise<number> {
  const client = await context.client();
  const answer = await client.post("/hooks/rotate-secret", {});
  const rotation = readAs(rotationView, answer, "what became of the secret");
  if (hasOption(input, "json")) context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else if (!hasOption(input, "quiet")) context.stdout.write(toText(rotation));
  return rotation.isDone ? exitCodes.ok : exitCodes.buildFailed;
}

function toText({ secretId, isResumed, hooks, isDone, configured, overlapHours }: RotationView): string {
  const made = isResumed ? "goes on with the secret that was made before" : "made a new secret";
  return [
    `${made}: ${plain(secretId)}`,
    ...hooks.map(({ repository, state, problem }) => {
      const why = problem === null ? "" : `: ${plain(problem)}`;
      return `${plain(repository)} ${states[state] ?? plain(state)}${why}`;
    }),
    isDone
      ? `every webhook has it; the old one is accepted for ${overlapHours} h more`
      : "the old one is accepted until every webhook has the new one: the server goes on by itself, or repeat the command",
    ...(configured === 0
      ? []
      : [
          `${configured} of the configuration (MERGEDOCK_WEBHOOK_SECRETS, webhooks.secrets_file) stays accepted until it is taken out there`,
        ]),
  ]
    .map((line) => `${line}\n`)
    .join("");
}
