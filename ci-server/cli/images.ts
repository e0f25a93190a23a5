// `mergedock images [path]`: the images that the registry has of us, or the versions of one of them.

import { z } from "zod";
import { type Client, readAs, segment } from "./client.ts";
import { type Context, hasOption, type Input, textOption } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { printList } from "./list.ts";
import { askedPages, readPages } from "./pages.ts";
import { type Column, toTable } from "./table.ts";
import { plain } from "./text.ts";
import { toAge, toSize } from "./units.ts";

const imageView = z.object({
  path: z.string(),
  tags: z.number().default(0),
  builds: z.number().default(0),
  bytes: z.number().nullable().default(null),
  newest: z
    .object({ reference: z.string(), tags: z.array(z.string()).default([]), createdAt: z.string() })
    .nullable()
    .default(null),
});
type ImageView = z.infer<typeof imageView>;

const versionView = z.object({
  digest: z.string(),
  tags: z.array(z.string()).default([]),
  bytes: z.number(),
  createdAt: z.string(),
  buildId: z.number(),
  signed: z.boolean().default(false),
  sbom: z.boolean().default(false),
  removedAt: z.string().nullable().default(null),
});
type VersionView = z.infer<typeof versionView>;

const pullView = z.object({ pull: z.object({ docker: z.string() }).partial().default({}) });

const columns: readonly Column<ImageView>[] = [
  { title: "IMAGE", value: ({ path }) => path },
  { title: "NEWEST", value: ({ newest }) => newest?.tags.join(", ") ?? "", shrinksTo: 12 },
  { title: "TAGS", value: ({ tags }) => String(tags), spare: true },
  { title: "BUILDS", value: ({ builds }) => String(builds), spare: true },
  { title: "SIZE", value: ({ bytes }) => (bytes === null ? "" : toSize(bytes)) },
  { title: "WHEN", value: ({ newest }) => (newest === null ? "" : toAge(newest.createdAt, Date.now())) },
];

const versionColumns: readonly Column<VersionView>[] = [
  { title: "DIGEST", value: ({ digest }) => digest.slice(0, 19) },
  { title: "TAGS", value: ({ tags }) => tags.join(", "), shrinksTo: 12 },
  { title: "BUILD", value: ({ buildId }) => String(buildId) },
  { title: "SIZE", value: ({ bytes }) => toSize(bytes) },
  {
    title: "ATTESTED",
    value: ({ signed, sbom }) => [signed && "signed", sbom && "SBOM"].filter(Boolean).join(", "),
    spare: true,
  },
  {
    title: "WHEN",
    value: ({ createdAt, removedAt }) => (removedAt === null ? toAge(createdAt, Date.now()) : "removed"),
  },
];

export async function run(context: Context, input: Input): Promise<number> {
  const [path] = input.args;
  if (path !== undefined) return printVersions(context, input, path);
  const query = { repository: textOption(input, "repository"), q: textOption(input, "q") };
  const none = "there is no image yet; merge a pull request, or ask for one with: mergedock build";
  const list = { path: "/images", field: "images", view: imageView, columns, query, none };
  return printList(context, input, { ...list, name: ({ newest, path: name }: ImageView) => newest?.reference ?? name });
}

async function printVersions(context: Context, input: Input, path: string): Promise<number> {
  const { stdout, stderr } = context;
  const client: Client = await context.client();
  const at = `/images/${segment(path)}`;
  const pages = { client, path: at, field: "versions", query: {}, ...askedPages(input) };
  const [answer, { items, next }] = await Promise.all([client.get(at, { limit: 1 }), readPages(pages)]);
  if (hasOption(input, "json")) {
    stdout.write(`${JSON.stringify({ ...(answer as object), versions: items, next }, null, 2)}\n`); // an object: read as one below
    return exitCodes.ok;
  }
  const versions = items.map((item) => readAs(versionView, item, "an image's version"));
  if (hasOption(input, "quiet"))
    stdout.write(versions.map(({ digest }) => `${plain(path)}@${plain(digest)}\n`).join(""));
  else {
    stdout.write(toTable(versions, versionColumns, stdout.columns()));
    const { pull } = readAs(pullView, answer, "an image");
    if (pull.docker !== undefined) stderr.write(`pull the newest: ${plain(pull.docker)}\n`);
  }
  if (next !== null) stderr.write(`there are more: --before ${next}, --limit or --all\n`);
  return exitCodes.ok;
}
