// The format that dpkg, apk and Python's metadata share: paragraphs of `Field: value`, parted by blank lines.

/** The wanted fields of each paragraph. A line that begins with a blank belongs to the field before it, and is left out. */
export function paragraphs(text: string, wanted: ReadonlySet<string>): ReadonlyMap<string, string>[] {
  const found: Map<string, string>[] = [];
  let fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") {
      if (fields.size > 0) found.push(fields);
      fields = new Map();
      continue;
    }
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon > 0 && wanted.has(name)) fields.set(name, line.slice(colon + 1).trim());
  }
  return fields.size > 0 ? [...found, fields] : found;
}
