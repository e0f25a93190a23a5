// `mergedock logs <id>`: a build's log, to its end or for as long as it grows.

import { type Context, hasOption, type Input, textOption } from "./command.ts";
import { exitCodeOfResult, exitCodes } from "./exit-codes.ts";
import { follow, openDisplay, writeImages } from "./follow-build.ts";
import { readLog, showBuild } from "./follow-log.ts";
import { toPlainLine } from "./progress/plain.ts";
import { ProgressSteps } from "./progress/steps.ts";
import { readId } from "./read-id.ts";
import { plain } from "./text.ts";

export async function run(context: Context, input: Input): Promise<number> {
  const { stdout, stderr } = context;
  const buildId = readId(input);
  const client = await context.client();
  const asked = hasOption(input, "json") ? "rawjson" : textOption(input, "progress");
  // Without --follow it is a text to be read, which stays.
  if (!hasOption(input, "follow") && asked !== "quiet") return print(context, buildId, asked === "rawjson");
  const options = { ...input.options, progress: asked };
  const display = openDisplay(context, { ...input, options }, stdout);
  context.atInterrupt(() => {
    display.stop();
    stderr.write(`\nbuild ${buildId} goes on; stop it with: mergedock cancel ${buildId}\n`);
  });
  const { view } = await follow({ client, buildId, display });
  if (asked === "quiet") writeImages(stdout, view);
  else if (asked !== "rawjson")
    stderr.write(
      `build ${buildId}: ${view.result}${view.failure === null ? "" : `: ${plain(view.failure.message)}`}\n`,
    );
  return view.result === null ? exitCodes.system : exitCodeOfResult(view.result);
}

/** What there is now; its exit code says nothing of the build. */
async function print({ client, stdout }: Context, buildId: number, isRaw: boolean): Promise<number> {
  const server = await client();
  const { plan, result, finishedAt } = await showBuild(server, buildId);
  const images = plan?.filter(({ verdict }) => verdict === "build").length ?? 1;
  const steps = new ProgressSteps(() => images > 1);
  for await (const entry of readLog({ client: server, buildId, follow: false, onTrouble: () => {} })) {
    if (isRaw) stdout.write(`${entry.raw}\n`);
    else for (const event of steps.read(entry)) stdout.write(toPlainLine(event, stdout));
  }
  if (!isRaw && finishedAt !== null)
    for (const event of steps.finish(result, Date.parse(finishedAt))) stdout.write(toPlainLine(event, stdout));
  return exitCodes.ok;
}
