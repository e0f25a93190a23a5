// Puts one commit on a branch of a bare repository, without a worktree.

import { git } from "./git.ts";

/** Path to content; null removes the file. */
export type Files = Readonly<Record<string, FileContent | null>>;
export type FileContent = string | Uint8Array | { readonly content: string | Uint8Array; readonly executable: boolean };
/** `links`: path to what the link says. */
export type Commit = {
  readonly files: Files;
  readonly links?: Readonly<Record<string, string>>;
  readonly message: string;
};

export type NewCommit = Commit & {
  readonly folder: string;
  readonly branch: string;
  /** Where a new branch starts; without it the commit is the first of all. */
  readonly from?: string;
};

/** The new commit's sha; two commits are never the same, because each one says when it was made. */
export async function pushCommit({ folder, branch, from, files, links = {}, message }: NewCommit): Promise<string> {
  const ref = `refs/heads/${branch}`;
  const parent = await parentOf(folder, [ref, ...(from === undefined ? [] : [`refs/heads/${from}`])]);
  const stream = [
    Buffer.from(`commit ${ref}\nmark :1\ncommitter Ada Author <ada@example.com> now\n`),
    data(message),
    Buffer.from(parent === undefined ? "" : `from ${parent}\n`),
    ...Object.entries(files).flatMap(([path, content]) => change(path, content)),
    ...Object.entries(links).flatMap(([path, to]) => [Buffer.from(`M 120000 inline ${quote(path)}\n`), data(to)]),
    Buffer.from("get-mark :1\n"),
  ];
  return git(["fast-import", "--quiet", "--date-format=now"], { cwd: folder, input: Buffer.concat(stream) });
}

function change(path: string, content: FileContent | null): Buffer[] {
  if (content === null) return [Buffer.from(`D ${quote(path)}\n`)];
  const plain = typeof content === "string" || content instanceof Uint8Array;
  const { content: bytes, executable } = plain ? { content, executable: false } : content;
  return [Buffer.from(`M ${executable ? "100755" : "100644"} inline ${quote(path)}\n`), data(bytes)];
}

/** As fast-import reads a path, with line ends and quotes in it too. */
function quote(path: string): string {
  return JSON.stringify(path);
}

function data(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from("\n")]);
}

/** Of the first of these that there is. */
async function parentOf(folder: string, refs: readonly string[]): Promise<string | undefined> {
  const found = await git(["for-each-ref", "--format=%(refname) %(objectname)", ...refs], { cwd: folder });
  const shas = new Map(found.split("\n").map((line) => line.split(" ") as [string, string])); // as the format says
  return refs.map((ref) => shas.get(ref)).find((sha) => sha !== undefined);
}
