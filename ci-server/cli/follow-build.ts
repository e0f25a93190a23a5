// Watches a build until it has ended: its progress on stderr, its images on stdout, its result as the exit code.

import { type Client, readAs } from "./client.ts";
import { type Context, hasOption, type Input, textOption } from "./command.ts";
import { exitCodeOfResult, exitCodes } from "./exit-codes.ts";
import { readLog } from "./follow-log.ts";
import { createDisplay, type Display, progressKinds } from "./progress/display.ts";
import type { Terminal } from "./terminal.ts";
import { plain } from "./text.ts";
import { type BuildView, begunView, buildView } from "./views.ts";

export interface FollowRequest {
  readonly client: Client;
  readonly buildId: number;
  readonly display: Display;
}

/** After a request that begins a build: says which one, and stays with it where that was asked for. */
export async function begun(context: Context, input: Input, answer: unknown): Promise<number> {
  const client = await context.client();
  const { build: buildId } = readAs(begunView, answer, "a build that begins");
  if (!hasOption(input, "follow")) {
    context.stdout.write(hasOption(input, "json") ? `${JSON.stringify(answer, null, 2)}\n` : `${buildId}\n`);
    const help = `build ${buildId} is queued; watch it with: mergedock logs ${buildId} --follow\n`;
    if (!hasOption(input, "quiet")) context.stderr.write(help);
    return exitCodes.ok;
  }
  const display = openDisplay(context, input, context.stderr);
  context.atInterrupt(() => {
    display.stop();
    context.stderr.write(`\nbuild ${buildId} goes on; stop it with: mergedock cancel ${buildId}\n`);
  });
  const { view, answer: ended } = await follow({ client, buildId, display });
  if (hasOption(input, "json")) context.stdout.write(`${JSON.stringify(ended, null, 2)}\n`);
  // Raw JSON has the images in its last line.
  else if (textOption(input, "progress") !== "rawjson") writeImages(context.stdout, view);
  if (!hasOption(input, "quiet")) context.stderr.write(lastWord(view));
  return view.result === null ? exitCodes.system : exitCodeOfResult(view.result);
}

export function openDisplay({ stdout }: Context, input: Input, terminal: Terminal): Display {
  const asked = hasOption(input, "quiet") ? "quiet" : textOption(input, "progress");
  const kind = progressKinds.find((one) => one === asked) ?? "auto";
  return createDisplay({ kind, terminal, data: stdout, now: Date.now });
}

/** Until its end. Throws what `readLog` throws. */
export async function follow({ client, buildId, display }: FollowRequest): Promise<Shown> {
  try {
    let { view, answer } = await show(client, buildId);
    display.found(view, answer);
    const lines = readLog({ client, buildId, follow: true, onTrouble: (message) => display.say(message) });
    for await (const entry of lines) {
      // How many images there are decides what their steps are called.
      if (view.plan === null && entry.step !== null) {
        ({ view, answer } = await show(client, buildId));
        display.found(view, answer);
      }
      display.line(entry);
    }
    if (view.result === null) ({ view, answer } = await show(client, buildId));
    display.ended(view, answer);
    return { view, answer };
  } finally {
    display.stop();
  }
}

async function show(client: Client, buildId: number): Promise<Shown> {
  const answer = await client.get(`/builds/${buildId}`);
  return { view: readAs(buildView, answer, "a build"), answer };
}

interface Shown {
  readonly view: BuildView;
  readonly answer: unknown;
}

export function writeImages(stdout: Terminal, { images }: BuildView): void {
  for (const { reference } of images) stdout.write(`${plain(reference)}\n`);
}

function lastWord({ id, result, failure, cancelReason, skipReason }: BuildView): string {
  const why = failure?.message ?? cancelReason ?? skipReason;
  return `build ${id}: ${result}${why === null || why === undefined || result === "success" ? "" : `: ${plain(why)}`}\n`;
}
