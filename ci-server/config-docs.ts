// The reference of mergedock.yml in Markdown: its schema's fields, with what the comments of mergedock.example.yml say of them.

import { commentsOf } from "./config-comments.ts";
import { plainVariables } from "./config-environment.ts";
import { type ConfigField, configFields } from "./config-fields.ts";
import { secretVariables } from "./config-secrets.ts";

const intro = `<!-- Made by scripts/write-config-docs.ts of the schema and of mergedock.example.yml: npm run config-docs -->

# Configuration

\`mergedock.yml\` lies where the server is started, or where \`MERGEDOCK_CONFIG\` says. \`npx mergedock config check\` says what is wrong
with it, all at once, each mistake with its place, and what it comes to. A field that does not stand here is refused. After a
change the server has to be started again. Relative paths begin at the file's folder. \`[]\` behind a name: the field is of each entry
of a list. Allowed: limits, and the sentences with which anything else is refused. An empty last column: what is said above it
holds for this field too.

What a repository's own \`.mergedock.yml\` may say is in [mergedock.schema.json](mergedock.schema.json), and is what
\`repositories[].services[]\` may say below.
`;

/** A section with more fields than this has a table of its own. */
const fieldsOfOneTableMax = 8;

/** `example`: the text of mergedock.example.yml. */
export function configDocs(example: string): string {
  const fields = configFields();
  const names = new Set(allOf(fields).map(nameOf));
  const comments = commentsOf(example, (name) => names.has(name));
  const order = [...comments.keys()];
  const say = (field: ConfigField) => field.description ?? comments.get(nameOf(field)) ?? "";
  const sorted = inOrderOf(order, fields);
  const plain = sorted.filter(({ fields: below }) => below.length === 0);
  const sections = sorted.filter(({ fields: below }) => below.length > 0);
  const atTop = `## At the top of the file\n\n${table(plain, { say, from: 0 })}`;
  return [intro, atTop, ...sections.map((one) => section(one, { say, order, depth: 2 })), environment()].join("\n");
}

interface Writing {
  readonly say: (field: ConfigField) => string;
  /** Names of the fields as the example has them. */
  readonly order: readonly string[];
  /** Of the heading. */
  readonly depth: number;
}

function section(field: ConfigField, writing: Writing): string {
  const { say, order, depth } = writing;
  const isLarge = (one: ConfigField) => one.fields.length > fieldsOfOneTableMax;
  const rows = inOrderOf(order, field.fields).flatMap((one) => (isLarge(one) ? [one] : [one, ...allOf(one.fields)]));
  const about = [say(field), rules(field)].filter((part) => part !== "").join(" ");
  const head = `${"#".repeat(depth)} \`${shownName(field)}\`\n\n${about === "" ? "" : `${inTable(about)}\n\n`}`;
  const below = field.fields.filter(isLarge).map((one) => section(one, { ...writing, depth: depth + 1 }));
  return [`${head}${table(rows, { say, from: field.path.length })}`, ...below].join("\n");
}

function rules({ type, allowed }: ConfigField): string {
  return type === "section" || allowed.length === 0 ? "" : `(${allowed.join("; ")}.)`;
}

function table(fields: readonly ConfigField[], { say, from }: { say: Writing["say"]; from: number }): string {
  const rows = fields.map((field) => {
    const { isRequired, fallback, type, allowed } = field;
    const usual = isRequired ? "has to be there" : fallback === null ? "" : `\`${fallback}\``;
    const cells = [`\`${shownName(field, from)}\``, type, usual, allowed.join("; "), say(field)];
    return `| ${cells.map(inTable).join(" | ")} |\n`;
  });
  return `| Field | Type | Default | Allowed | Meaning |\n|---|---|---|---|---|\n${rows.join("")}`;
}

function environment(): string {
  const plain = Object.entries(plainVariables).map(
    ([variable, path]) => `| \`${variable}\` | \`${path.join(".")}\` |\n`,
  );
  const secret = Object.values(secretVariables).map((variable) => `\`${variable}\``);
  return `## Environment

It wins over the file. A variable that begins with \`MERGEDOCK_\` and does not stand here is refused.

| Variable | Field |
|---|---|
${plain.join("")}
Secrets: ${secret.join(", ")}. Each holds its value; the same name with \`_FILE\` behind it holds the name of a file that holds it.
\`MERGEDOCK_CONFIG\` names the configuration's file. \`DATABASE_URL\` stands in for \`MERGEDOCK_DATABASE_URL\`, \`DOCKER_HOST\` for
\`engine.host\`, where those are not said. \`NGROK_AUTHTOKEN\`, \`OTEL_EXPORTER_OTLP_ENDPOINT\`, \`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\` and
\`OTEL_EXPORTER_OTLP_HEADERS\` are heard. \`MERGEDOCK_SERVER\`, \`MERGEDOCK_TOKEN\` and \`MERGEDOCK_TOKEN_FILE\` are for the commands that ask a
server: [cli.md](cli.md).
`;
}

/** Those that the example does not have come last, as the schema has them. */
function inOrderOf(order: readonly string[], fields: readonly ConfigField[]): ConfigField[] {
  const place = (field: ConfigField) => (order.indexOf(nameOf(field)) + order.length + 1) % (order.length + 1);
  return fields.toSorted((one, other) => place(one) - place(other));
}

function allOf(fields: readonly ConfigField[]): ConfigField[] {
  return fields.flatMap((field) => [field, ...allOf(field.fields)]);
}

function nameOf({ path }: ConfigField): string {
  return path.join(".");
}

/** `from`: so many names of the path are left out, since the heading says them. */
function shownName({ path, listed }: ConfigField, from = 0): string {
  return path
    .map((name, index) => (listed[index] ? `${name}[]` : name))
    .slice(from)
    .join(".");
}

/** Patterns and templates are no Markdown. */
function inTable(text: string): string {
  return text
    .replaceAll("|", "\\|")
    .replaceAll("<", "&lt;")
    .replace(/(?<!`[^`|]*)\*(?![^`|]*`)/g, "\\*");
}
