// Which files of a context a Dockerfile needs: BuildKit names what its COPY and ADD take, and nothing else has to be sent.

/**
 * `wanted`: files, folders or patterns relative to the context; none: everything. All files where one is a pattern or the whole
 * context. `hasLinks`: whether some file is a link, behind which anything may be needed.
 */
export function followed(files: readonly string[], wanted: readonly string[], hasLinks = false): readonly string[] {
  const names = wanted.map((name) => name.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, ""));
  // The names come joined by commas in a header: it could not be told where one ends that has a comma or spaces around it.
  const isAmbiguous = hasLinks || files.some((file) => /[,\p{Cc}]|(?:^|\/) | (?:\/|$)/u.test(file));
  const isAll = names.length === 0 || names.some((name) => name === "" || name === "." || /[*?[\\]/.test(name));
  if (isAll || isAmbiguous) return files;
  const folders = names.map((name) => `${name}/`);
  const exact = new Set(names);
  return files.filter((file) => exact.has(file) || folders.some((folder) => file.startsWith(folder)));
}
