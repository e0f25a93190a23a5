// `mergedock webhook add <repository>`: the hook as it has to be, and whether its ping came.

import { z } from "zod";
import { readAs } from "./client.ts";
import { type Context, hasOption, type Input } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { plain } from "./text.ts";
import { manualText, manualView } from "./webhook-text.ts";

const addedView = z.object({
  repository: z.string(),
  action: z.enum(["created", "repaired", "unchanged", "app", "hand"]),
  faults: z.array(z.string()).default([]),
  hook: z.object({ id: z.string(), url: z.string() }).nullable().default(null),
  pinged: z.boolean(),
  forgeSays: z.object({ event: z.string(), statusCode: z.number().nullable() }).nullable().default(null),
  manual: manualView.nullable().default(null),
});
type AddedView = z.infer<typeof addedView>;

export async function run(context: Context, input: Input): Promise<number> {
  const [repository = ""] = input.args;
  const client = await context.client();
  const answer = await client.post("/hooks", { repository });
  const added = readAs(addedView, answer, "what became of a webhook");
  if (hasOption(input, "json")) context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else if (!hasOption(input, "quiet")) context.stdout.write(toText(added));
  if (added.action === "hand") return exitCodes.usage;
  return added.action === "app" || added.pinged ? exitCodes.ok : exitCodes.buildFailed;
}

const withoutAccess =
  'the forge\'s API cannot be asked: give it "access: { token_file: ... }" in mergedock.yml, start the server again and repeat ' +
  "this; or enter by hand, in the repository's settings on the forge";

function toText(added: AddedView): string {
  const name = plain(added.repository);
  if (added.action === "app") return `${name}: the GitHub App's own webhook tells of it; it needs no other\n`;
  if (added.action === "hand" && added.manual !== null)
    return `${name}: ${withoutAccess}:\n${manualText(added.manual)}`;
  const mended = added.action === "repaired" ? ` (${plain(added.faults.join("; "))})` : "";
  const where = `webhook ${plain(added.hook?.id ?? "")} ${added.action}${mended}: ${plain(added.hook?.url ?? "")}`;
  return `${name}: ${where}\n${name}: ${pingText(added)}\n`;
}

function pingText({ pinged, forgeSays }: AddedView): string {
  if (pinged) return "the ping has arrived";
  const says =
    forgeSays === null ? "the forge has sent nothing" : `the forge says: ${forgeSays.statusCode ?? "nobody answered"}`;
  return `no ping has arrived; ${says}`;
}
