// `mergedock explain <guid|pr|sha>`: what came in, what was decided and why, what was built, and what came of it.

import { AppError } from "../core/errors.ts";
import { type Client, readAs, segment } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { explainText } from "./explain-text.ts";
import { type Found, findActivity, readQuestion } from "./find-activity.ts";
import { buildView, deliveryView } from "./views.ts";

export async function run(context: Context, input: Input): Promise<number> {
  const { stdout } = context;
  const question = readQuestion(input.args[0] ?? "");
  const client = await context.client();
  const [newest, ...others] = await findActivity(client, question);
  if (newest === undefined) return exitCodes.usage;
  const answers = await readBoth(client, newest);
  if (hasOption(input, "json")) {
    stdout.write(`${JSON.stringify({ ...answers, others }, null, 2)}\n`);
    return exitCodes.ok;
  }
  const delivery = answers.delivery === null ? null : readAs(deliveryView, answers.delivery, "a delivery");
  const build = answers.build === null ? null : readAs(buildView, answers.build, "a build");
  stdout.write(explainText({ delivery, build, others, nowMs: Date.now(), look: stdout }));
  return exitCodes.ok;
}

/** A delivery may have been forgotten for its age; its build is not. */
async function readBoth(client: Client, { guid, build }: Found) {
  const [delivery, built] = await Promise.all([
    guid === null ? null : client.get(`/deliveries/${segment(guid)}`).catch(nullIfForgotten),
    build === null ? null : client.get(`/builds/${build}`),
  ]);
  return { delivery, build: built };
}

function nullIfForgotten(cause: unknown): null {
  if (cause instanceof AppError && cause.code === "not_found") return null;
  throw cause;
}
