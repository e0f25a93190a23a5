// What the comments of mergedock.example.yml say of each field: the sentences above it, and those behind it on its line.

/** Names from the top of the file, joined by a dot. */
export type FieldName = string;

interface Open {
  readonly name: string;
  readonly column: number;
}

/**
 * The fields in the order of the file; "" where a field shares the sentences of the one before it. A field that is commented out counts
 * where `isField` knows its name.
 */
export function commentsOf(text: string, isField: (name: FieldName) => boolean): Map<FieldName, string> {
  const found = new Map<FieldName, string>();
  let open: readonly Open[] = [];
  let above: string[] = [];
  for (const line of text.split("\n")) {
    const field = fieldOf(line, open, isField);
    if (field === null) {
      above = line.trim() === "" ? [] : [...above, ...proseOf(line)];
      continue;
    }
    open = field.open;
    const name = nameOf(open);
    found.set(name, [found.get(name) ?? "", ...above, field.behind].filter((part) => part !== "").join(" "));
    above = [];
  }
  return found;
}

interface Field {
  readonly open: readonly Open[];
  readonly behind: string;
}

function fieldOf(line: string, open: readonly Open[], isField: (name: FieldName) => boolean): Field | null {
  const isComment = /^\s*#/.test(line);
  const written = /^(\s*(?:- )?)([a-z_]+):(?=\s|$)(.*)$/.exec(line.replace("# ", ""));
  if (written === null) return null;
  const [, { length: column } = "", name = "", rest = ""] = written;
  const within = [...open.filter((one) => one.column < column), { name, column }];
  if (isComment && !isField(nameOf(within))) return null;
  const behind = / # (.+)$/.exec(rest)?.[1]?.trim() ?? "";
  return { open: within, behind: behind === "" ? "" : sentence(behind) };
}

function nameOf(open: readonly Open[]): FieldName {
  return open.map(({ name }) => name).join(".");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

/** A line of a comment that is no example: of a list, or of rules of tags. */
function proseOf(line: string): string[] {
  const prose = line.replace(/^\s*#\s*(?:#\s*)?/, "").trim();
  return prose === "" || /^(?:- |type=)/.test(prose) ? [] : [prose];
}
